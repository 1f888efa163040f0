"""The words of the ticket world: what customers of a shop write about, and how they say it.

Each issue has a category, a priority of its own (0 low, 1 normal, 2 high) and several wordings, the common ones first.
The issues stand with the common ones first too, and so do cues, greetings and mentions of an order.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.sandbox.draws import listed

THINGS = listed(
    "lamp kettle chair jacket phone printer bicycle watch camera blanket mixer tent radio desk carpet mirror"
)


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing that customers write about."""

    category: str
    priority: int
    wordings: tuple[str, ...]
    """With `{thing}`, and `{a}` for a number where the issue has one; all of an issue's have the same slots."""

    @property
    def numbered(self) -> bool:
        """Whether it tells a number that is no order's."""
        return "{a}" in self.wordings[0]


def _issue(category: str, priority: int, wordings: str) -> Issue:
    return Issue(category, priority, tuple(wordings.split(" | ")))


ISSUES = (
    _issue(
        "shipping",
        1,
        "my {thing} has not arrived | I still wait for the {thing} | where is my {thing} | "
        "the {thing} never came to my door | no sign of the {thing} so far",
    ),
    _issue(
        "billing",
        1,
        "I was charged {a} dollars too much for the {thing} | the bill for the {thing} is {a} dollars too high | "
        "you took {a} dollars more than the {thing} costs | my {thing} came at {a} dollars above the price shown",
    ),
    _issue(
        "technical",
        1,
        "the {thing} does not switch on | my {thing} stays dark and silent | "
        "nothing happens when I start the {thing} | the {thing} plays dead",
    ),
    _issue(
        "shipping",
        1,
        "the {thing} was sent to an old address | you shipped the {thing} to the wrong street | "
        "my {thing} went to a house where I no longer live | a stranger got my {thing}",
    ),
    _issue(
        "account",
        1,
        "I cannot log in to see my {thing} | the password for the page of my {thing} fails | "
        "your site no longer knows me or my {thing} | I am locked out and cannot follow the {thing}",
    ),
    _issue(
        "billing",
        1,
        "I wait for the refund of {a} dollars for the {thing} | the {a} dollars for the {thing} are not back yet | "
        "when do I get my {a} dollars for the {thing} | you owe me {a} dollars for the {thing} that I gave back",
    ),
    _issue(
        "returns",
        0,
        "I want to send the {thing} back | how do I return the {thing} | the {thing} is not for me, please take it | "
        "may the {thing} go back to you",
    ),
    _issue(
        "shipping",
        2,
        "the {thing} arrived in pieces | the {thing} was broken when it came | I opened the parcel and the {thing} "
        "was smashed | all that the carrier left of the {thing} is splinters",
    ),
    _issue(
        "technical",
        2,
        "smoke comes out of the {thing} | the {thing} gets so hot that it burns | "
        "my {thing} gives me electric shocks | the {thing} smells of fire",
    ),
    _issue(
        "product",
        0,
        "does the {thing} come in blue | which sizes of the {thing} do you have | tell me more about the {thing} | "
        "how heavy is the {thing}",
    ),
    _issue(
        "billing",
        2,
        "the {thing} was charged {a} times | my card shows {a} payments for one {thing} | "
        "you billed the same {thing} {a} times over | there are {a} bookings for a single {thing}",
    ),
    _issue(
        "shipping",
        0,
        "when will the {thing} be here | how long does the {thing} take | on which day does the {thing} come | "
        "what is the date for the {thing}",
    ),
    _issue(
        "technical",
        0,
        "how do I clean the {thing} | where is the manual of the {thing} | what does the small light on the {thing} "
        "mean | which battery goes into the {thing}",
    ),
    _issue(
        "returns",
        1,
        "the {thing} is too small and I need another | please swap the {thing} for a larger one | "
        "I got the {thing} in the wrong colour | you packed a different {thing} than I chose",
    ),
    _issue(
        "account",
        2,
        "somebody else uses my account to buy a {thing} | I never bought a {thing}, my account was stolen | "
        "a thief got in and chose a {thing} | my name was abused for a {thing}",
    ),
    _issue(
        "billing",
        0,
        "please send me the invoice for the {thing} | I need a receipt for the {thing} | "
        "my tax office asks for a paper on the {thing} | put my company on the invoice for the {thing}",
    ),
    _issue(
        "shipping",
        1,
        "the tracking of my {thing} shows nothing for {a} days | my {thing} is stuck in one place for {a} days | "
        "since {a} days the parcel with the {thing} has not moved | the {thing} sleeps in a depot for {a} days",
    ),
    _issue(
        "account",
        0,
        "please change my address before the {thing} leaves | I have a new phone number for the {thing} | "
        "my family name on the {thing} is outdated | take my mail off the list about the {thing}",
    ),
    _issue(
        "returns",
        1,
        "the label to return the {thing} does not print | no courier came to fetch the {thing} | "
        "I gave the {thing} to the post weeks ago and heard nothing | your desk refuses to take my {thing}",
    ),
    _issue(
        "product",
        1,
        "is the {thing} sold out for good | when can I buy the {thing} again | the {thing} vanished from the shop | "
        "do you get another load of the {thing}",
    ),
    _issue(
        "technical",
        1,
        "the app does not find the {thing} | the {thing} loses its signal | pairing the {thing} fails each time | "
        "the {thing} and my tablet do not talk to each other",
    ),
    _issue(
        "legal",
        2,
        "my lawyer will write to you about the {thing} | I report you to the authorities because of the {thing} | "
        "we meet in court over the {thing} | the {thing} breaks the law",
    ),
    _issue(
        "legal",
        1,
        "delete all data about me and my {thing} | which of my data do you keep with the {thing} | "
        "I take back my consent given for the {thing} | who else reads my data on the {thing}",
    ),
    _issue(
        "billing",
        1,
        "the voucher of {a} dollars was ignored for the {thing} | my discount of {a} dollars on the {thing} is gone | "
        "the code for {a} dollars off the {thing} does nothing | the {thing} should be {a} dollars cheaper by coupon",
    ),
)
"""What tests ask, the common ones first."""

FOREIGN = (
    _issue(
        "other",
        0,
        "do you have a job for somebody who repairs a {thing} | I apply as seller of the {thing} | "
        "may my son spend his holidays at your {thing} desk | is your {thing} team looking for people",
    ),
    _issue(
        "other",
        0,
        "I write for a paper and have questions on the {thing} | our radio show would talk about the {thing} | "
        "may I print your photo of the {thing} | who speaks to the press about the {thing}",
    ),
    _issue(
        "other",
        0,
        "will you give a {thing} to our school | our club collects for a {thing} | we ask for a {thing} as a gift | "
        "a {thing} from you would help the poor",
    ),
    _issue(
        "other",
        0,
        "thank you for the lovely {thing} | the {thing} makes me happy every day | my cat sleeps on the {thing} and "
        "sends greetings | I wrote a poem about the {thing}",
    ),
)
"""What customers do not write about, and a careless writer of new messages does."""

GREETINGS = ("Hello,", "Hi,", "", "Good morning,", "Dear team,", "Hey there,", "To whom it may concern,", "Good day,")

CUES = {
    0: (
        *("", "Thank you.", "Please help.", "Kind regards.", "I hope to hear from you.", "What can be done?"),
        *("I shop here since years.", "It is raining here by the way."),
    ),
    1: (
        *("It is urgent.", "I need it today.", "Please hurry.", "This cannot wait.", "I leave tomorrow."),
        *("My patience is at an end.", "Every hour counts.", "We are in despair.", "It is for a wedding tonight."),
        *("People may get hurt.", "Act at once."),
    ),
    -1: (
        *("There is no hurry.", "Take your time.", "Whenever you like.", "It is not important.", "I can wait."),
        *("I only ask out of interest.", "Next month is fine.", "It hardly matters."),
    ),
}
"""What moves the priority by how much, the common ones first."""

ORDERS = (
    "My order is {n}.",
    "Order {n}.",
    "The order number is {n}.",
    "It is about order {n}.",
    "You find it under {n}.",
    "Reference {n}.",
    "On my slip I read {n}.",
    "I noted {n} when I bought it.",
)
