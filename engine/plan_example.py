"""What `seedpilot plan --example` prints."""

from __future__ import annotations

EXAMPLE = """\
# A pilot on the sandbox: no key, no GPU, about five minutes on two cores.
# Every setting is shown; what has a default may be left out.
name = "first pilot"
task = "math"                # another named task (docs/tasks.md), or the path of a task.toml
student = "sandbox"          # or a hub id like "HuggingFaceTB/SmolLM2-135M", or a local folder
max_new_tokens = 200         # longest answer of the student

[seeds]
path = "sandbox"             # or a JSONL, CSV or Parquet file (.gz too) with `question` and `answer`,
                             # or a data set: "hub:openai/gsm8k:main#train" (also @revision; "hub:./folder")
# world = "sql"              # another of the sandbox's worlds (docs/sandbox.md), with student = "sandbox-worlds"
# map = {question = "prompt", answer = "reply", family = "source"}  # where the file calls its columns otherwise
count = 100

[test]
# path = "test.jsonl"        # your own test items, as for the seeds; without them, rows of the seeds are split off:
# holdout = 200              # so many (default: a quarter, from 20 to 300), families and near duplicates whole
# draw = "test"              # another name splits off others
# stratify_by = "label"      # a column whose values are spread alike over seeds and test items
# time_column = "created_at" # or: the latest rows
# shared = "leave_out"       # seeds that test.path holds too are left out (default "refuse": they are a fault)
count = 300
teacher_items = 100          # test items that the teacher answers too; each is a paid query
# stop_losers = true         # what is clearly beaten is asked no more; the best is stopped in at most 2 % of races
# stop_futile = true         # a race ends where all are within 2 points; overlooks more in at most 5 % of pairs

[unlabelled]                 # your own questions without answers, for the strategy "real_question"
# path = "questions.jsonl"   # as for the seeds, `question` alone; or "sandbox", beside the sandbox's seeds
# keep_label_shares = true   # for labels: keep examples in the seeds' shares of labels, leave out and count the rest

[teacher]
kind = "sandbox"             # or "openai_compatible", with:
# base_url = "http://127.0.0.1:8000/v1"
# model = "Qwen/Qwen2.5-72B-Instruct"
# key_env = "OPENAI_API_KEY"      # the name of the variable, never the key
# usd_per_million_input = 0.15    # your own price goes before the listed one
# usd_per_million_output = 0.60
# requests_per_minute = 500      # and tokens_per_minute: what your account allows
# batch = true                    # OpenAI's Batch API: half the price, an answer within a day
concurrency = 8              # requests on their way at once; fewer while the endpoint refuses some

# [augmenter]                # another model that writes the questions; settings and prices as for the teacher
# kind = "openai_compatible"
# base_url = "http://127.0.0.1:8001/v1"
# model = "Qwen/Qwen2.5-14B-Instruct"

# [teachers.small]           # a further teacher, for a variant that shares the questions among several (below)
# kind = "openai_compatible" # settings and prices as for the teacher; as many tables as you like
# base_url = "http://127.0.0.1:8002/v1"
# model = "Qwen/Qwen2.5-7B-Instruct"

[prompts]
few_shot = 0                 # seeds that each prompt shows as examples
few_shot_draw = 0            # another number shows others
# questions_per_call = 4     # new questions asked for at once

[grid]
strategies = ["answer_augmentation", "question_rephrase", "new_question"]  # and "real_question"
budgets = [200, 1600]        # teacher queries
replicates = 2
# seed_sizes = [50, 100]     # how many of the seeds a cell uses; default: all
# matched_steps = false      # no control: the seeds alone for as many steps as the largest cell
# adaptive = false           # measure the whole grid, also where [target] would let it stop early

[target]                     # what the pilot is for: with it, cells are bought a few at a time, those worth most first
# queries = 20000            # your whole budget; the pilot's queries are part of it
# seeds = 100                # seeds of the full run; default: those above

# Variants: changes of a strategy, each measured beside its plain form with the same seeds and budget. A variant asks
# at most its budget anew, less what the plain form has bought. docs/plan.md lists every setting.
# [[variants]]
# name = "votes"             # stands in tables
# votes = 3                  # three answers to each question, of which the majority's is kept
# strategies = ["new_question"]  # default: every strategy of the grid that it changes
# budgets = [1600]           # default: the largest
# [[variants]]
# name = "gold"
# gold = true                # keep another answer to a seed only where it agrees with the seed's own
# [[variants]]
# name = "lists"
# questions_per_call = 4     # new questions asked for at once: cheaper, and less different from each other
# [[variants]]
# name = "mostly_own"
# seed_share = 0.5           # half of what the student learns from are seeds; no more queries
# [[variants]]
# name = "guided"
# guided = true              # visit seeds that the student gets wrong more often
# [[variants]]
# name = "two_teachers"
# teachers = {teacher = 1, small = 1}  # shares of the questions; "teacher" is the plan's own

[ceiling]
queries = 6000               # the run never asks more
# usd = 5.00                 # needs the prices above

[check]                      # `seedpilot check`: the teacher on some of your seeds, before a pilot
seeds = 50
# ceiling_queries = 100      # default: what the check needs, and a tenth for retries

[training]                   # what is not named keeps the recipe's default
# epochs = 3.0
# learning_rate = 2e-4       # fixed; without it the pilot chooses one, once, on a quarter of the seeds
# learning_rates = [1e-4, 2e-4, 5e-4, 1e-3]  # what it chooses from
# preset = "paper"           # 3 passes, batches of 128 at 4e-5; default: "pilot"
# gradient_accumulation = 4  # less memory: a batch in so many parts
# gradient_checkpointing = true  # less memory, a third more time
"""
