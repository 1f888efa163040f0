"""Writes tickets.jsonl: 300 support messages with a JSON answer of three fields, skewed as real ones are.

python tests/data/make_tickets.py > tests/data/tickets.jsonl
"""

import json
import random

CATEGORIES = {
    "billing": (
        45,
        [
            "I was charged twice for order {order}",
            "the invoice for {order} shows {amount} dollars instead of what we agreed",
            "my card was debited {amount} dollars and I do not know what for",
            "the discount code from your mail was not taken off order {order}",
            "I still wait for the refund of {amount} dollars",
        ],
    ),
    "technical": (
        25,
        [
            "the app closes as soon as I open {page}",
            "I get error {code} whenever I press save",
            "{page} has been loading for an hour",
            "after the update nothing on {page} reacts any more",
            "the export stops at {amount} rows with error {code}",
        ],
    ),
    "shipping": (
        15,
        [
            "order {order} should have arrived {days} days ago",
            "the parcel with {order} came open and half empty",
            "tracking of {order} has said the same for {days} days",
            "you sent {order} to my old address",
        ],
    ),
    "account": (
        10,
        [
            "I cannot log in since I changed my mail address",
            "please close my account and delete my data",
            "the password link never reaches me",
            "somebody else seems to use my login",
        ],
    ),
    "other": (5, ["do you have a shop in Lyon", "who may I thank for the kind call yesterday", "are you hiring"]),
}
URGENCY = {
    "normal": (65, ["", "Thanks in advance.", "Please have a look.", "Kind regards"]),
    "high": (20, ["This is urgent!", "I need this solved today.", "We cannot work until it is fixed."]),
    "low": (15, ["No hurry.", "Whenever you find the time.", "Just so that you know."]),
}
OPENINGS = ["Hello,", "Hi there,", "Good morning,", "Dear support,", "", "Hey", "To whom it may concern,"]
PAGES = ["the calendar", "my orders", "the report page", "settings", "the dashboard"]


def ticket(rng: random.Random) -> dict[str, str]:
    """One message with its record."""
    category = rng.choices(list(CATEGORIES), [weight for weight, _ in CATEGORIES.values()])[0]
    urgency = rng.choices(list(URGENCY), [weight for weight, _ in URGENCY.values()])[0]
    order = f"{rng.choice('ABKX')}-{rng.randint(1000, 9999)}"
    complaint = rng.choice(CATEGORIES[category][1])
    text = complaint.format(
        order=order,
        amount=rng.randint(5, 480),
        page=rng.choice(PAGES),
        code=rng.choice([403, 500, 502, 1007]),
        days=rng.randint(2, 20),
    )
    parts = [rng.choice(OPENINGS), text + ".", rng.choice(URGENCY[urgency][1])]
    record = {"category": category, "urgency": urgency, "order": order if "{order}" in complaint else None}
    return {"message": " ".join(part for part in parts if part), "record": json.dumps(record)}


def main() -> None:
    """Prints 300 different tickets."""
    rng = random.Random(7)
    seen: set[str] = set()
    while len(seen) < 300:
        row = ticket(rng)
        if row["message"] not in seen:
            seen.add(row["message"])
            print(json.dumps(row))


if __name__ == "__main__":
    main()
