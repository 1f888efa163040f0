"""What the advice says in words about what the user could choose besides the strategy, each with its sources.

Plain sentences from a finished `Recommendation`. Nothing is computed here.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine import enough, offers
from engine.domain import Arm, Flip, Interval, Reason, Recommendation, Strategy
from engine.evidence import published
from engine.wording import COUNTING, KNOWN, NAMES, listed, ratio, references
from engine.wording_headline import money, price_of_as_many

PARAMETERS = {
    "log_q_rephrase": "what a rephrasing is worth",
    "log_q_new": "what a new question is worth",
    "log_reach_answers": "how far answers reach",
    "log_reach_rephrase": "how far rephrasings reach",
    "log_reach_new": "how far new questions reach",
    "reach_exponent": "how reach moves with the number of seeds",
    "log_seed_weight": "what a seed is worth",
    "log_beta": "how steeply the curve rises",
    "logit_ceiling": "where it ends",
    "log_half": "how much it takes to learn half",
    "logit_start": "where the student starts",
    "log_q_real": "what an answered real question is worth",
}
"""The law's parameters as users read them."""
MANY = 1e6
"""Where the curves are flat an exchange rate has no upper end that means anything; from here on it is called that."""


def reasons(r: Recommendation) -> tuple[Reason, ...]:
    """What is at stake, what would flip it, and what the same money would do elsewhere."""
    return (*_threshold(r), *at_stake(r), *_enough(r), *_flips(r), *_teachers(r), *_augmenters(r), *_seeds(r))


def caveats(r: Recommendation, measured: Sequence[Arm]) -> tuple[Reason, ...]:
    """Verification with evidence on both sides, what is assumed, and what could not be compared.

    `measured` is what the user's own points are points of.
    """
    return (*_real_questions(r, measured), *_verification(r), *_unpriced(r), *_kept(r), *_assumed(r), *_calibrated(r))


def moved(before: Recommendation, after: Recommendation) -> str:
    """How the user's own points moved the chance of the strategy that leads after them."""
    best = max(after.outlooks, key=lambda o: o.p_best)
    was = next((o.p_best for o in before.outlooks if o.strategy is best.strategy), None)
    if was is not None and f"{was:.2f}" == f"{best.p_best:.2f}":
        return f"Your data left P({NAMES[best.strategy]} best) at {was:.2f}."
    start = "" if was is None else f"from {was:.2f} "
    return f"Your data moved P({NAMES[best.strategy]} best) {start}to {best.p_best:.2f}."


def tie(r: Recommendation) -> str:
    """What cannot be told apart, by how much, what could tell it, and what the cheapest way is; empty for no tie.

    Who has the highest expected accuracy is said too: the cheapest of a tie need not be it.
    """
    if r.recommended is not None:
        return ""
    least = min(o.regret_points for o in r.outlooks)
    close = [o for o in r.outlooks if o.regret_points - least < r.threshold_points]
    spread = max(o.regret_points for o in close) - least
    leader = min(close, key=lambda o: o.regret_points)
    items = r.situation.test_items
    shows = (
        f"less than {r.threshold_points:.1f} is too close to call"
        if items is None
        else f"your {items:,} test items can show differences from about {r.threshold_points:.1f} points"
    )
    tied = listed([NAMES[o.strategy] for o in close]).capitalize()
    within = f"{tied} are expected within {spread:.1f} points of one another; {shows}."
    leads = (
        f" {NAMES[leader.strategy].capitalize()} are expected to do best, with a chance of {100 * leader.p_best:.0f} %."
    )
    cheapest = next(o for o in r.outlooks if o.strategy is r.cheapest)
    each = "" if cheapest.usd_per_kept is None else f" (${cheapest.usd_per_kept:.2g})"
    queries = cheapest.queries_per_kept or 0.0
    price = f"{queries:.2g} {'query' if queries == 1 else 'queries'}{each} an example"
    found = f"{within}{leads} Cheapest: {NAMES[r.cheapest]}, {price}"
    if cheapest.strategy is Strategy.REAL_QUESTION and cheapest.examples == r.situation.unlabelled:
        taken = round(cheapest.examples * queries)
        usd = "" if cheapest.usd_per_kept is None else f" (${cheapest.examples * cheapest.usd_per_kept:,.2f})"
        found += f"; all {cheapest.examples:,} of your inputs take {taken:,} of {r.situation.queries:,} queries{usd}"
    elif (dearest := min(close, key=lambda o: o.examples)).examples < cheapest.examples:
        price = price_of_as_many(r.situation, close, r.cheapest)
        found += f"; as many as the whole budget buys {NAMES[dearest.strategy]} cost {price}"
    return f"{found}."


def _threshold(r: Recommendation) -> list[Reason]:
    if r.recommended is None:
        return [Reason(tie(r), ())]
    if r.situation.test_items is None:
        return []
    return [
        Reason(
            f"{r.situation.test_items:,} test items can show differences from about {r.threshold_points:.1f} points: "
            "smaller ones are too close to call.",
            (),
        )
    ]


def at_stake(r: Recommendation) -> list[Reason]:
    """What lies between the best and the worst choice; empty where accuracies are refused."""
    if r.at_stake is None:
        return []
    worst = max(r.outlooks, key=lambda o: o.regret_points)
    return [
        Reason(
            f"Does it matter? Between the best and the worst choice ({NAMES[worst.strategy]}) lie "
            f"{_points(r.at_stake)}.",
            references("chan-abstract", "chan-gaps-shrink"),
        )
    ]


def _enough(r: Recommendation) -> list[Reason]:
    return [] if r.enough is None else [Reason(enough.told(r.enough), ())]


def _flips(r: Recommendation) -> list[Reason]:
    return [Reason(flips(r), ())] if r.flips else []


def flips(r: Recommendation) -> str:
    """Everything that would change the advice, in one sentence; empty where nothing tried would."""
    return f"The advice would flip {_or(each_flip(r))}." if r.flips else ""


def each_flip(r: Recommendation) -> list[str]:
    """The same one by one, each as the end of `The advice would flip ...`."""
    return [_flip(r, f) for f in r.flips]


def _flip(r: Recommendation, f: Flip) -> str:
    to = NAMES[f.to]
    if f.what == "budget" and isinstance(f.value, float):
        where = "below" if f.value < r.situation.queries else "above"
        each = offers.query_price(r.situation)
        usd = "" if not each else f", ${money(f.value * each)}"
        return f"{where} about {f.value:,.0f} queries{usd} (to {to})"
    if f.what == "augmenter":
        return f"with a {f.value} augmenter (to {to})"
    if f.what == "calls":
        return f"counting {COUNTING[str(f.value)]} (to {to})"
    return f"if each of the {to} were worth {f.value:.1f} times what is thought"


def _teachers(r: Recommendation) -> list[Reason]:
    compared = [t for t in r.teachers if t.accuracy is not None and t.lead_points is not None]
    if len(compared) < 2:
        return []
    found = []
    for t in compared:
        if t.worth_needed == 1.0 or t.budget_ratio is None or t.best is None or t.lead_points is None:
            continue
        down_to = (
            "never catches up"
            if t.worth_needed is None
            else "does as well whatever its examples are worth"
            if t.worth_needed == 0
            else f"does as well if its examples are worth {t.worth_needed:.2g} times the other's"
        )
        wrong = f" (its wrong answers, {100 * t.wrong_share:.0f} %, counted as nothing)" if t.wrong_share else ""
        found.append(
            f"{t.name} buys {ratio(t.budget_ratio)} queries per seed for the same money: "
            f"{_points(t.lead_points, signed=True)} with {NAMES[t.best]}{wrong}, and {down_to}"
        )
    return [Reason(f"{text}. What a weaker teacher's answers are worth is unknown.", ()) for text in found]


def _augmenters(r: Recommendation) -> list[Reason]:
    known = [a for a in r.augmenters if a.accuracy is not None and a.best is not None and a.usd_per_example]
    if len(known) < 2:
        return []
    parts = [
        f"by {a.name} ({a.augmenter}) {100 * a.accuracy.mean:.0f} % with {a.examples:,} {NAMES[a.best]} "
        f"at ${a.usd_per_example:.2g} each"
        for a in known
        if a.accuracy is not None and a.best is not None
    ]
    return [Reason(f"Questions written {', '.join(parts)}.", references("chan-weak-augmenter"))]


def _seeds(r: Recommendation) -> list[Reason]:
    s = r.seeds_or_queries
    if s is None or s.queries_per_seed is None:
        return []
    rate = s.queries_per_seed
    text = (
        f"Seeds or queries? One more seed is worth about {ratio(rate.mean)} queries here "
        f"({ratio(rate.low80)} to {ratio(rate.high80) if rate.high80 < MANY else 'millions'})"
    )
    if s.seed_price_in_queries is not None:
        text += f" and costs as much as {ratio(s.seed_price_in_queries)}"
        if s.more_seeds and s.gain_points is not None:
            rest = f"{s.queries:,} queries" if s.queries else "nothing else"
            text += f": buy {s.more_seeds:,} seeds and {rest}, {_points(s.gain_points, signed=True)}"
        else:
            text += ": spend it on queries"
    return [Reason(f"{text}.", references("human-mix", "human-task-worth", "human-wanli", "doubling-human"))]


def _real_questions(r: Recommendation, measured: Sequence[Arm]) -> list[Reason]:
    real = next((o for o in r.outlooks if o.strategy is Strategy.REAL_QUESTION), None)
    if real is None:
        if Strategy.REAL_QUESTION not in measured:
            return []
        return [Reason("You measured real questions: say how many unlabelled inputs are left, and they compete.", ())]
    found = []
    if r.situation.unlabelled is not None and real.examples == r.situation.unlabelled:
        found.append(
            Reason(f"Your unlabelled inputs end after {real.examples:,} answers: each is answered once.", ()),
        )
    if not real.assumed:
        return found
    return [
        *found,
        Reason(
            "No study measures what an answered real question is worth: it is assumed to be worth about what a seed "
            "is, which is itself wide. What is published is about human data, and about real new seeds.",
            references("fixed-seeds-2607", "human-task-worth", "human-wanli"),
        ),
    ]


def _verification(r: Recommendation) -> list[Reason]:
    v = r.verification
    if v is None:
        return []
    low, high = v.published_points[0], v.published_points[-1]
    said = f"studies report between {low:+z.1f} and {high:+z.1f} points for verified data of the same size"
    if r.situation.verifiable:
        text = f"Checking answers needs no query where you can verify them. The evidence is mixed: {said}."
    else:
        cost = "" if v.cost_points is None else f"would cost {_points(v.cost_points)} here. "
        net = f"Together between {v.net_points[0]:+z.1f} and {v.net_points[1]:+z.1f} points."
        text = f"Checking every answer with one more query {cost}The evidence is mixed: {said}. {net}"
        if r.situation.verifiable is False:
            text = "Your answers cannot be verified: all that is left is a second opinion of a model. " + text
    sources = [published().claim(name) for name in v.sources]
    return [Reason(text, tuple(dict.fromkeys([c.id for c in sources] + [c.reference for c in sources])))]


def _unpriced(r: Recommendation) -> list[Reason]:
    found = [Reason(f"{t.name}: {t.reason[0].lower()}{t.reason[1:]}", ()) for t in r.teachers if t.reason]
    if any(a.usd_per_example is None for a in r.augmenters):
        found.append(
            Reason(
                "The price of the teacher or of the model that writes questions is unknown: a question counts like one "
                "of the teacher's queries, and the two are not compared for money.",
                (),
            )
        )
    return found


def _kept(r: Recommendation) -> list[Reason]:
    if all(o.kept_share is not None for o in r.outlooks):
        return []
    unknown = [NAMES[o.strategy] for o in r.outlooks if o.kept_share is None]
    return [Reason(f"How many examples are kept is not known for {listed(unknown)}: all are counted as kept.", ())]


def _assumed(r: Recommendation) -> list[Reason]:
    if not r.assumed_parameters:
        return []
    moved_by = f"the {KNOWN[r.situation.known]}" if r.basis == "prior" else "your points"
    names = listed([PARAMETERS[name] for name in r.assumed_parameters])
    return [Reason(f"Assumed, as {moved_by} hardly moved it: {names}.", ())]


def _calibrated(r: Recommendation) -> list[Reason]:
    if r.calibrated_on is None:
        return []
    return [
        Reason(
            f"How far curves miss when they are extended was learned on {r.calibrated_on}: the intervals and chances "
            "carry it, as nobody has published whole curves of these strategies.",
            (),
        )
    ]


def _points(value: Interval, signed: bool = False) -> str:
    if signed:
        return f"{value.mean:+z.1f} points ({value.low80:+z.1f} to {value.high80:+z.1f})"
    return f"{value.mean:z.1f} points ({value.low80:z.1f} to {value.high80:z.1f})"


def _or(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])}, or {parts[-1]}"
