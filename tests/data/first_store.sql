BEGIN TRANSACTION;
CREATE TABLE cells (
            run_id TEXT NOT NULL REFERENCES runs(id), key TEXT NOT NULL, cell TEXT NOT NULL,
            state TEXT NOT NULL, message TEXT NOT NULL DEFAULT '', measurement TEXT, outcomes TEXT,
            detail TEXT, folder TEXT, PRIMARY KEY (run_id, key));
INSERT INTO "cells" VALUES('20261121-122408-999a','untuned-plain-s10-q0-r0','{"arm": "untuned", "seeds": 10, "budget": 0, "replicate": 0, "variant": "plain"}','done','','{"correct": 7, "scored": 20, "not_scored": 0, "examples": 0, "mean_value": 0.35}','[0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]','{"steps": 0, "final_loss": null, "too_long": 0, "train_seconds": 0.0, "answer_seconds": 2.9671887239965145, "seed": 1000}','@HOME@/20261121-122408-999a/cells/untuned-plain-s10-q0-r0');
INSERT INTO "cells" VALUES('20261121-122408-999a','teacher-plain-s10-q0-r0','{"arm": "teacher", "seeds": 10, "budget": 0, "replicate": 0, "variant": "plain"}','done','','{"correct": 4, "scored": 4, "not_scored": 0, "examples": 0, "mean_value": 1.0}','[1.0, 1.0, 1.0, 1.0]','{}','@HOME@/20261121-122408-999a/cells/teacher-plain-s10-q0-r0');
INSERT INTO "cells" VALUES('20261121-122408-999a','seeds_only-plain-s10-q0-r0','{"arm": "seeds_only", "seeds": 10, "budget": 0, "replicate": 0, "variant": "plain"}','done','','{"correct": 8, "scored": 20, "not_scored": 0, "examples": 0, "mean_value": 0.4}','[0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]','{"steps": 4, "final_loss": 0.35907407151055093, "too_long": 0, "train_seconds": 5.067779819000862, "answer_seconds": 3.228787054998975, "seed": 1000}','@HOME@/20261121-122408-999a/cells/seeds_only-plain-s10-q0-r0');
INSERT INTO "cells" VALUES('20261121-122408-999a','answer_augmentation-plain-s10-q4-r0','{"arm": "answer_augmentation", "seeds": 10, "budget": 4, "replicate": 0, "variant": "plain"}','done','','{"correct": 7, "scored": 20, "not_scored": 0, "examples": 4, "mean_value": 0.35}','[0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]','{"steps": 4, "final_loss": 0.7040040334065755, "too_long": 0, "train_seconds": 6.32384028800152, "answer_seconds": 3.487677191995317, "seed": 1000}','@HOME@/20261121-122408-999a/cells/answer_augmentation-plain-s10-q4-r0');
INSERT INTO "cells" VALUES('20261121-122408-999a','new_question-plain-s10-q4-r0','{"arm": "new_question", "seeds": 10, "budget": 4, "replicate": 0, "variant": "plain"}','done','','{"correct": 7, "scored": 20, "not_scored": 0, "examples": 2, "mean_value": 0.35}','[0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]','{"steps": 4, "final_loss": 0.5822676233498447, "too_long": 0, "train_seconds": 4.7380014340014895, "answer_seconds": 2.1814942290002364, "seed": 1000}','@HOME@/20261121-122408-999a/cells/new_question-plain-s10-q4-r0');
INSERT INTO "cells" VALUES('20261121-122408-999a','answer_augmentation-plain-s10-q8-r0','{"arm": "answer_augmentation", "seeds": 10, "budget": 8, "replicate": 0, "variant": "plain"}','done','','{"correct": 7, "scored": 20, "not_scored": 0, "examples": 8, "mean_value": 0.35}','[0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]','{"steps": 4, "final_loss": 0.8126707348591918, "too_long": 0, "train_seconds": 6.308489308998105, "answer_seconds": 2.3016280270021525, "seed": 1000}','@HOME@/20261121-122408-999a/cells/answer_augmentation-plain-s10-q8-r0');
INSERT INTO "cells" VALUES('20261121-122408-999a','new_question-plain-s10-q8-r0','{"arm": "new_question", "seeds": 10, "budget": 8, "replicate": 0, "variant": "plain"}','done','','{"correct": 8, "scored": 20, "not_scored": 0, "examples": 4, "mean_value": 0.4}','[0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]','{"steps": 4, "final_loss": 0.6214554085915919, "too_long": 0, "train_seconds": 4.943328927001858, "answer_seconds": 2.415741087999777, "seed": 1000}','@HOME@/20261121-122408-999a/cells/new_question-plain-s10-q8-r0');
INSERT INTO "cells" VALUES('20261121-040000-beef','seeds_only-plain-s50-q0-r0','{"arm": "seeds_only", "seeds": 50, "budget": 0, "replicate": 0, "variant": "plain"}','waiting','',NULL,NULL,NULL,NULL);
INSERT INTO "cells" VALUES('20261121-040000-beef','new_question-plain-s50-q200-r1','{"arm": "new_question", "seeds": 50, "budget": 200, "replicate": 1, "variant": "plain"}','done','','{"correct": 7, "scored": 9, "not_scored": 1, "examples": 80, "mean_value": 0.8}','[1.0, 0.0, null]','{"steps": 100}','@HOME@/x');
INSERT INTO "cells" VALUES('20261121-040000-beef','answer_augmentation-plain-s50-q200-r0','{"arm": "answer_augmentation", "seeds": 50, "budget": 200, "replicate": 0, "variant": "plain"}','failed','out of memory',NULL,NULL,NULL,NULL);
CREATE TABLE meta (version INTEGER NOT NULL);
INSERT INTO "meta" VALUES(1);
CREATE TABLE pools (
            run_id TEXT NOT NULL REFERENCES runs(id), name TEXT NOT NULL, counts TEXT NOT NULL,
            folder TEXT NOT NULL, PRIMARY KEY (run_id, name));
INSERT INTO "pools" VALUES('20261121-122408-999a','answer_augmentation-s10','{"kept": 8}','@HOME@/20261121-122408-999a/pools/answer_augmentation-s10');
INSERT INTO "pools" VALUES('20261121-122408-999a','new_question-s10','{"kept": 4}','@HOME@/20261121-122408-999a/pools/new_question-s10');
INSERT INTO "pools" VALUES('20261121-040000-beef','new_question-s50','{"kept": 80, "duplicate": 15, "refused": 5}','@HOME@/pool');
CREATE TABLE queries (
            id INTEGER PRIMARY KEY, run_id TEXT NOT NULL REFERENCES runs(id), key TEXT NOT NULL,
            strategy TEXT NOT NULL, seed_id TEXT NOT NULL, sample_index INTEGER NOT NULL,
            teacher TEXT NOT NULL, state TEXT NOT NULL, reserved_usd REAL, reply_usd REAL,
            input_tokens INTEGER, output_tokens INTEGER, reply TEXT, finish_reason TEXT,
            detail TEXT, created_at REAL NOT NULL, settled_at REAL);
INSERT INTO "queries" VALUES(1,'20261121-122408-999a','4c1f7db03d9b67276fd6c9e42db21f9f5b83b42409729a73be9dbdadc1b3ec9f','teacher_on_test','sandbox-test-0-0',0,'sandbox-teacher','settled',0.0,0.0,98,47,'5 * 9 = 45.
This makes 45 * 2 = 90.
Now there are 90 - 37 = 53.
30 + 53 = 83.
The count is 12 * 3 = 36.
83 - 36 = 47
We get 47 - 23 = 24.
#### 24','stop',NULL,1.79526385498656535152e+09,1.79526385515098023414e+09);
INSERT INTO "queries" VALUES(2,'20261121-122408-999a','6ca0056c2a06248630fa7087d9b8ae98b66aa53e7eba052c33f764172d20642c','teacher_on_test','sandbox-test-0-1',0,'sandbox-teacher','settled',0.0,0.0,81,26,'Then 2 * 7 = 14.
The count is 7 + 14 = 21.
21 - 13 = 8
8 * 5 = 40
#### 40','stop',NULL,1.79526385517055416104e+09,1.79526385519152355198e+09);
INSERT INTO "queries" VALUES(3,'20261121-122408-999a','c73ad7594d7cd7503355f06e385dbe3eab1cb272a307bcd5a0fb240f566a46f8','teacher_on_test','sandbox-test-0-2',0,'sandbox-teacher','settled',0.0,0.0,88,29,'So 59 - 30 = 29.
So 29 - 11 = 18.
We get 18 - 3 = 15.
Now there are 15 * 6 = 90.
#### 90','stop',NULL,1.79526385519657349582e+09,1.79526385520350670807e+09);
INSERT INTO "queries" VALUES(4,'20261121-122408-999a','37e42ce1564960b8bc429174f1abcb62ee1608ece0bf38758f3abeeaadc828b7','teacher_on_test','sandbox-test-0-3',0,'sandbox-teacher','settled',0.0,0.0,79,9,'This makes 15 / 5 = 3.
#### 3','stop',NULL,1.79526385520928454401e+09,1.79526385521592593197e+09);
INSERT INTO "queries" VALUES(5,'20261121-122408-999a','9b1a7a7187c01ba2266c2f16738385722f75a1116f618ecb6f989a13e3478044','answer_augmentation','sandbox-seed-0-0',0,'sandbox-teacher','settled',0.0,0.0,80,18,'Then 45 - 7 = 38.
2 * 38 = 76.
88 - 76 = 19
#### 19','stop',NULL,1.79526385524546837802e+09,1.79526385526196432108e+09);
INSERT INTO "queries" VALUES(6,'20261121-122408-999a','99dceaa4fc3f90e0d2ff0e927e339ceb2e00ad9e80a22b67f421ccbe9e6781cd','answer_augmentation','sandbox-seed-0-1',0,'sandbox-teacher','settled',0.0,0.0,90,37,'Now there are 7 * 3 = 21.
This makes 21 + 57 = 78.
That is 8 * 3 = 24.
The count is 78 - 24 = 54.
13 + 54 = 67
#### 67','stop',NULL,1.79526385526621460914e+09,1.79526385527760314942e+09);
INSERT INTO "queries" VALUES(7,'20261121-122408-999a','91bee871430817fe1b676815dac3b966d1d0f7aa178f8318af184a91fa56ec95','answer_augmentation','sandbox-seed-0-2',0,'sandbox-teacher','settled',0.0,0.0,69,14,'Then 2 * 11 = 22.
So 22 / 2 = 11.
#### 11','stop',NULL,1.79526385529007196425e+09,1.79526385529329156874e+09);
INSERT INTO "queries" VALUES(8,'20261121-122408-999a','7a27161233aa72f4ccf86d6fee107279dc4475ddbe49178b60a3f9eff4d0ab9f','answer_augmentation','sandbox-seed-0-3',0,'sandbox-teacher','settled',0.0,0.0,95,28,'6 * 11 = 66
66 + 16 = 82
82 - 33 = 49.
So 49 * 2 = 98.
98 / 7 = 14
#### 14','stop',NULL,1.79526385530152940753e+09,1.79526385531858587258e+09);
INSERT INTO "queries" VALUES(9,'20261121-122408-999a','fe2937d52b414256d89b9c60a12bbbee183ab3c840a2c95a00b8691cecade042','answer_augmentation','sandbox-seed-0-4',0,'sandbox-teacher','settled',0.0,0.0,88,33,'Work out 25 / 5 = 5.
4 * 7 = 28
Next, 5 + 28 = 33.
Work out 33 + 31 = 64.
Then 33 + 64 = 97.
#### 97','stop',NULL,1.79526385532720851893e+09,1.79526385532920527456e+09);
INSERT INTO "queries" VALUES(10,'20261121-122408-999a','11bab28b62cd99b80a5d6c760544cc1ae0b0547a67e846fe9026f2395bf69b3d','answer_augmentation','sandbox-seed-0-5',0,'sandbox-teacher','settled',0.0,0.0,87,23,'That is 9 + 21 = 30.
Work out 30 + 60 = 90.
We get 90 / 10 = 9.
#### 9','stop',NULL,1.79526385533985757825e+09,1.79526385534165883062e+09);
INSERT INTO "queries" VALUES(11,'20261121-122408-999a','89b5debf1518b939f9993bb2d3f6dbeee72a6303d1e0b6b210f7268ac4abb386','answer_augmentation','sandbox-seed-0-6',0,'sandbox-teacher','settled',0.0,0.0,83,14,'This makes 23 * 2 = 46.
46 * 2 = 92
#### 92','stop',NULL,1.79526385534572649003e+09,1.79526385535602831843e+09);
INSERT INTO "queries" VALUES(12,'20261121-122408-999a','48a77a0570a6b40673e74b81046016342faee88f508f80ad6225602d3108ad08','answer_augmentation','sandbox-seed-0-7',0,'sandbox-teacher','settled',0.0,0.0,79,24,'Work out 6 * 4 = 24.
Work out 24 + 8 = 32.
The count is 32 * 2 = 64.
#### 64','stop',NULL,1.79526385536697840692e+09,1.7952638553754343986e+09);
INSERT INTO "queries" VALUES(13,'20261121-122408-999a','a17019126701ad13cbddd3f09d2ecfa51612d2d8b8d56a14a093441b02a0016a','new_question','sandbox-seed-0-0',0,'sandbox-teacher','settled',0.0,0.0,79,38,'There are 24 bricks on the table of Maya. 6 of the bricks go to Nora. Maya works hard until there are four times as many bricks. The goal is 79. How far is Maya from the goal?','stop',NULL,1.79526385543394541742e+09,1.79526385543964576724e+09);
INSERT INTO "queries" VALUES(14,'20261121-122408-999a','4989336a91dd737bf02952cf4cc207f36b1ae41ad4b67e07d979c2ba3ddfbc6c','new_question','sandbox-seed-0-0',0,'sandbox-teacher','settled',0.0,0.0,84,25,'The count is 24 - 6 = 18.
The count is 18 * 4 = 72.
This makes 79 - 72 = 7.
#### 7','stop',NULL,1.79526385544607734682e+09,1.79526385544949865346e+09);
INSERT INTO "queries" VALUES(15,'20261121-122408-999a','f9b1c3692d1e48314800567d7fbdcc3a0d1701247f8b01ca66f1a0092bc7ee03','new_question','sandbox-seed-0-1',0,'sandbox-teacher','settled',0.0,0.0,89,47,'Elif keeps 32 old postcards next to 21 new postcards. Kofi gives Elif 37 more postcards. 6 postcards go missing each day, and that goes on for 5 days. There are 34 chairs in the room. Kofi beats Elif by 35. What is the count of Kofi?','stop',NULL,1.79526385545123505589e+09,1.79526385545234465597e+09);
INSERT INTO "queries" VALUES(16,'20261121-122408-999a','19ccb81ffd8810aea7b1cfec9d183d0de535d79a55f009c0e4fc9e319ceb23c9','new_question','sandbox-seed-0-1',0,'sandbox-teacher','settled',0.0,0.0,93,36,'We get 32 + 21 = 53.
Work out 53 + 37 = 90.
Now there are 5 * 6 = 30.
Work out 90 - 30 = 60.
60 + 35 = 95
#### 95','stop',NULL,1.79526385545587182038e+09,1.79526385546146249774e+09);
INSERT INTO "queries" VALUES(17,'20261121-122408-999a','997ac54191176cbb329a75ca7b186dc3fbecd78d29af13dc5bd1018bae08f50d','new_question','sandbox-seed-0-2',0,'sandbox-teacher','settled',0.0,0.0,68,29,'Clara has 6 bags with 9 nuts in each. Clara puts half of them aside and gives up the rest. What is the number of nuts after all this?','stop',NULL,1.79526385546622514722e+09,1.79526385546797609326e+09);
INSERT INTO "queries" VALUES(18,'20261121-122408-999a','af5e656acee27a55dbe81f96cfeaa85a7c8f3bc7ada53c8ab65e7e65933a574f','new_question','sandbox-seed-0-2',0,'sandbox-teacher','settled',0.0,0.0,75,15,'6 * 9 = 54
The count is 54 / 2 = 27.
#### 27','stop',NULL,1.79526385547460961339e+09,1.79526385547748541836e+09);
INSERT INTO "queries" VALUES(19,'20261121-122408-999a','4e9b08ee27ab79723c42e1d0be137cd726eb7239d3b260e958b791a4badcada9','new_question','sandbox-seed-0-3',0,'sandbox-teacher','settled',0.0,0.0,94,46,'Sara receives 3 pens each week, and 12 weeks go by. Sara finds 32 more. Omar takes 26 of the pens. With some luck the number of pens becomes twice as large. The pens are laid out in 4 equal rows. How long is a row?','stop',NULL,1.79526385548148059842e+09,1.79526385548296546932e+09);
INSERT INTO "queries" VALUES(20,'20261121-122408-999a','3697620946d4048b48145894283561460ae5f4747f13b9b959f997b11767b011','new_question','sandbox-seed-0-3',0,'sandbox-teacher','settled',0.0,0.0,92,34,'3 * 12 = 36
This makes 36 + 32 = 68.
That is 68 - 26 = 42.
Then 2 * 42 = 84.
This makes 84 / 4 = 21.
#### 21','stop',NULL,1.79526385548601794244e+09,1.79526385549373483662e+09);
INSERT INTO "queries" VALUES(21,'20261121-040000-beef','k0','new_question','s1',0,'some-teacher','settled',0.01,0.004,NULL,NULL,'Four. #### 4','stop',NULL,1.5,NULL);
INSERT INTO "queries" VALUES(22,'20261121-040000-beef','k1','new_question','s1',1,'some-teacher','settled',0.01,NULL,NULL,NULL,'Four. #### 4','stop',NULL,1.5,NULL);
INSERT INTO "queries" VALUES(23,'20261121-040000-beef','k2','new_question','s1',2,'some-teacher','unknown',0.01,NULL,NULL,NULL,NULL,'stop',NULL,1.5,NULL);
INSERT INTO "queries" VALUES(24,'20261121-040000-beef','k3','new_question','s1',3,'some-teacher','released',0.01,NULL,NULL,NULL,NULL,'stop',NULL,1.5,NULL);
INSERT INTO "queries" VALUES(25,'20261121-040000-beef','k4','new_question','s1',4,'some-teacher','reserved',0.01,NULL,NULL,NULL,NULL,'stop',NULL,1.5,NULL);
CREATE TABLE runs (
            id TEXT PRIMARY KEY, name TEXT NOT NULL, plan TEXT NOT NULL, start_token TEXT NOT NULL UNIQUE,
            state TEXT NOT NULL, request TEXT, message TEXT NOT NULL DEFAULT '',
            stage TEXT NOT NULL DEFAULT '', done REAL NOT NULL DEFAULT 0, total REAL NOT NULL DEFAULT 0,
            stage_started_at REAL, worker_pid INTEGER, worker_started_at REAL, heartbeat_at REAL,
            created_at REAL NOT NULL, finished_at REAL);
INSERT INTO "runs" VALUES('20261121-122408-999a','the first pilot','{"name": "the first pilot", "task": "math", "student": "sandbox", "seeds": {"path": "sandbox", "count": 10, "question_column": null, "answer_column": null}, "test": {"path": null, "holdout": null, "count": 20, "question_column": null, "answer_column": null, "teacher_items": 4}, "teacher": {"kind": "sandbox", "base_url": null, "model": null, "key_env": null, "key_typed": false, "usd_per_million_input": null, "usd_per_million_output": null, "concurrency": 8, "timeout_s": 120.0, "max_answer_tokens": null}, "grid": {"strategies": ["answer_augmentation", "new_question"], "budgets": [4, 8], "replicates": 1, "seed_sizes": []}, "ceiling": {"queries": 60, "usd": null}, "training": {"learning_rate": null, "batch_size": null, "epochs": 1.0, "min_steps": 4, "warmup": null, "rank": null, "alpha": null, "max_length": null}, "max_new_tokens": 200}','20261121-122408-999a','done',NULL,'','',40.0,40.0,NULL,27101,1795263845.48,1.79526392094897389419e+09,1.79526384850530123715e+09,1.79526392191273927688e+09);
INSERT INTO "runs" VALUES('20261121-040000-beef','of our own','{"name": "of our own", "task": "math", "student": "some-org/some-model", "seeds": {"path": "/data/seeds.jsonl", "count": null, "question_column": "q", "answer_column": "a"}, "test": {"path": "/data/test.jsonl", "holdout": null, "count": null, "question_column": null, "answer_column": null, "teacher_items": 100}, "teacher": {"kind": "openai_compatible", "base_url": "http://127.0.0.1:9/v1", "model": "some-teacher", "key_env": "SOME_KEY", "key_typed": false, "usd_per_million_input": 0.15, "usd_per_million_output": 0.6, "concurrency": 8, "timeout_s": 120.0, "max_answer_tokens": null}, "grid": {"strategies": ["answer_augmentation", "question_rephrase", "new_question"], "budgets": [200, 1600], "replicates": 2, "seed_sizes": []}, "ceiling": {"queries": null, "usd": 2.0}, "training": {"learning_rate": null, "batch_size": null, "epochs": null, "min_steps": null, "warmup": null, "rank": null, "alpha": null, "max_length": null}, "max_new_tokens": 200}','a click','failed',NULL,'every cell failed; the first said: out of memory','',0.0,0.0,NULL,1,0.0,1.79526403009597110751e+09,1.79526403008720445634e+09,1.79526403011529278761e+09);
CREATE UNIQUE INDEX queries_settled_once ON queries (key) WHERE state = 'settled';
CREATE INDEX queries_by_run ON queries (run_id, state);
COMMIT;
