"""The language of the sandbox world: vocabularies, and the sentences that each kind of step can take.

Committed before any cell was trained and not changed after (docs/decisions.md): no wording was
chosen to make a strategy look good. Every count is 2 or more, so nothing needs a singular.

Slots: `{name}` and `{she}` the person, `{other}` somebody else, `{things}`, `{boxes}` a container,
`{friends}` several people, `{a}` and `{b}` the step's numbers, `{times}` and `{part}` the number `a`
in words ("twice", "a third").
"""

from __future__ import annotations

WOMEN = ("Mia", "Anna", "Zoe", "Lena", "Ruth", "Nora", "Ida", "Clara", "Maya", "Elif", "Sara", "Olga")
MEN = ("Tom", "Ben", "Omar", "Paul", "Leo", "Hugo", "Ivan", "Raj", "Kofi", "Luis", "Noah", "Karl")
NAMES = WOMEN + MEN

THINGS = (
    *("apples", "pears", "lemons", "plums", "melons", "nuts", "eggs", "carrots", "onions", "potatoes"),
    *("marbles", "stickers", "cards", "coins", "beads", "shells", "stones", "stamps", "puzzles", "kites"),
    *("pencils", "notebooks", "books", "brushes", "candles", "buttons", "ribbons", "postcards", "pens", "maps"),
    *("cookies", "muffins", "rolls", "sandwiches", "sweets", "tulips", "roses", "seeds", "bricks", "tiles"),
)
BOXES = ("boxes", "bags", "baskets", "packs", "jars", "trays", "crates", "bowls", "drawers", "tins")
FRIENDS = ("friends", "cousins", "classmates", "neighbours", "guests", "children", "teammates", "visitors")

TIMES = {2: "twice", 3: "three times", 4: "four times", 5: "five times"}
PARTS = {2: "half", 3: "a third", 4: "a quarter", 5: "a fifth"}

START: dict[str, tuple[str, ...]] = {
    "have": (
        "{name} has {a} {things}.",
        "{name} starts with {a} {things}.",
        "{name} owns {a} {things}.",
        "There are {a} {things} on the table of {name}.",
        "{name} counted {a} {things} in the morning.",
        "A shelf of {name} holds {a} {things}.",
    ),
    "mixed": (
        "{name} has {a} red {things} and {b} blue {things}.",
        "{name} owns {a} small {things} and {b} big {things}.",
        "{name} found {a} {things} on Monday and {b} {things} on Tuesday.",
        "{name} keeps {a} old {things} next to {b} new {things}.",
        "{a} {things} are in the house of {name} and {b} {things} in the garden.",
    ),
    "packed": (
        "{name} has {a} {boxes} with {b} {things} in each.",
        "{name} opens {a} {boxes} of {b} {things} each.",
        "{name} filled {a} {boxes}, putting {b} {things} into every one.",
        "In the room of {name} stand {a} {boxes}, and each holds {b} {things}.",
        "{name} carries home {a} {boxes}. Each of the {boxes} has {b} {things} inside.",
    ),
    "daily": (
        "{name} collects {b} {things} a day for {a} days.",
        "For {a} days {name} gets {b} {things} every day.",
        "{name} receives {b} {things} each week, and {a} weeks go by.",
        "Over {a} mornings {name} gathered {b} {things} per morning.",
    ),
}

MIDDLE: dict[str, tuple[str, ...]] = {
    "gain": (
        "Then {she} buys {a} more {things}.",
        "{name} finds {a} more.",
        "{other} gives {name} {a} more {things}.",
        "Another {a} {things} arrive in the mail.",
        "Later {she} wins {a} {things} in a game.",
        "{other} adds {a} of {other}'s own to the pile.",
    ),
    "lose": (
        "Then {she} gives away {a} {things}.",
        "{name} loses {a} of them.",
        "{other} takes {a} of the {things}.",
        "Sadly {a} {things} are broken and thrown out.",
        "Later {she} sells {a} of them at the market.",
        "{a} of the {things} go to {other}.",
    ),
    "gain_packs": (
        "Then {she} buys {a} {boxes} with {b} {things} in each.",
        "{name} is given {a} {boxes} of {b} {things}.",
        "{other} brings {a} {boxes}, and each holds {b} more.",
        "A parcel comes: {a} {boxes}, {b} {things} in every one.",
        "Each of {a} {friends} hands {name} {b} {things}.",
    ),
    "give_each": (
        "Then {she} gives {b} {things} to each of {a} {friends}.",
        "{a} {friends} come by and each takes {b} of them.",
        "{name} packs {a} {boxes} with {b} {things} in each and sends the {boxes} off.",
        "Each of {a} {friends} is handed {b} {things} by {name}.",
        "{name} makes {a} gifts, and every gift needs {b} {things}.",
    ),
    "daily_use": (
        "For {a} days {she} uses up {b} {things} a day.",
        "Over the next {a} weeks {name} spends {b} of them every week.",
        "{b} {things} go missing each day, and that goes on for {a} days.",
        "{name} then needs {b} of them per evening for {a} evenings.",
    ),
    "multiply": (
        "A year later {she} has {times} as many.",
        "With some luck the number of {things} becomes {times} as large.",
        "{name} works hard until there are {times} as many {things}.",
        "By summer the pile has grown to {times} its size.",
    ),
    "part_lost": (
        "Then {part} of them are lost.",
        "{part} of the {things} turn out to be bad, and {she} throws them out.",
        "{name} gives {part} of them to {other}.",
        "{other} borrows {part} of the {things} and never brings them back.",
    ),
    "part_kept": (
        "{she} keeps only {part} of them.",
        "Just {part} of the {things} survive the winter.",
        "All but {part} of the {things} are sold.",
        "{name} puts {part} of them aside and gives up the rest.",
    ),
    "swap": (
        "{name} trades {a} of them for {b} other {things}.",
        "{she} hands {a} {things} to {other} and gets {b} back.",
        "First {a} {things} are sold, then {b} new ones are bought.",
        "{a} of the {things} leave the house and {b} come in.",
    ),
    "aside": (
        "{name} is {a} years old.",
        "The walk to the shop takes {a} minutes.",
        "{other} lives {a} streets away.",
        "There are {a} chairs in the room.",
    ),
}

ASK: dict[str, tuple[str, ...]] = {
    "left": (
        "How many {things} does {name} have now?",
        "How many {things} are there in the end?",
        "What is the number of {things} after all this?",
        "Find out how many {things} {name} is left with.",
        "How large is the pile of {things} now?",
    ),
    "money": (
        "In the end {she} sells all of them for {a} dollars each. How many dollars does {name} get?",
        "Every one of the {things} is worth {a} dollars. What are all of them worth?",
        "{other} pays {a} dollars for each of the {things}. How much does {other} pay?",
        "At a price of {a} dollars apiece, how much money do the {things} bring?",
    ),
    "share": (
        "Now {a} {friends} share the {things} equally. How many does each of them get?",
        "All {things} are put equally into {a} {boxes}. How many are in each?",
        "How many does everyone get if {a} {friends} divide the {things} fairly?",
        "The {things} are laid out in {a} equal rows. How long is a row?",
    ),
    "bags": (
        "Now {she} puts them into {boxes} of {a}. How many {boxes} are filled?",
        "{a} {things} fit into one of the {boxes}. How many {boxes} does {name} need?",
        "A guest takes {a} {things}. For how many guests are there enough?",
        "If {name} uses {a} {things} a day, for how many days do they last?",
    ),
    "more_than": (
        "{other} has {a} more than {name} has now. How many does {other} have?",
        "Now {name} is {a} behind {other}. How many {things} belong to {other}?",
        "{other} beats {name} by {a}. What is the count of {other}?",
        "If {other} owns {a} {things} more than that, how many {things} does {other} own?",
    ),
    "fewer_than": (
        "{other} has {a} fewer than {name} has now. How many does {other} have?",
        "Now {name} is {a} ahead of {other}. How many {things} belong to {other}?",
        "{name} beats {other} by {a}. What is the count of {other}?",
        "If {other} owns {a} {things} less than that, how many {things} does {other} own?",
    ),
    "together": (
        "{other} has {a} more than {name} has now. How many do they have together?",
        "Now {name} is {a} behind {other}. How many {things} do the two of them own?",
        "{other} beats {name} by {a}. What do both counts add up to?",
        "If {other} owns {a} {things} more than that, what is the total of the two?",
    ),
    "goal": (
        "{name} wants to have {a} {things}. How many are still missing?",
        "How many more does {name} need to reach {a} {things}?",
        "A full set has {a} {things}. How many does {name} lack?",
        "The goal is {a}. How far is {name} from the goal?",
    ),
    "times_other": (
        "{other} has {times} as many as {name} has now. How many does {other} have?",
        "How many {things} does {other} own, if that is {times} the count of {name}?",
        "The pile of {other} is {times} as large. How large is the pile of {other}?",
    ),
}
