"""The catalogue of the open world: what can be given, cooked and done, what it is like, and how people ask for it.

Each thing has its price and its tags; a tag is something that somebody may want (the first list of its domain) or
avoid (the second). Wants, avoids and their phrases stand with the common ones first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.sandbox.draws import listed


@dataclass(frozen=True, slots=True)
class Domain:
    """One kind of advice."""

    ask: tuple[str, ...]
    """Sentences that say what is sought, the common ones first."""
    wants: Mapping[str, tuple[str, ...]]
    """Tag -> sentences that ask for it."""
    avoids: Mapping[str, tuple[str, ...]]
    """Tag -> sentences that rule it out."""
    things: Mapping[str, tuple[int, tuple[str, ...]]]
    """Thing -> its price in dollars, and its tags."""


def _phrased(text: str) -> Mapping[str, tuple[str, ...]]:
    rows = (row.split(": ", 1) for row in text.strip().splitlines())
    return {tag.strip(): tuple(phrases.split(" | ")) for tag, phrases in rows}


def _things(text: str) -> Mapping[str, tuple[int, tuple[str, ...]]]:
    found = {}
    for row in text.strip().splitlines():
        name, price, *tags = row.split()
        found[name] = (int(price), tuple(tags))
    return found


PRESENTS = Domain(
    ask=(
        "What is a good present for {name}?",
        "I need a gift for {name}.",
        "{name} has a birthday. What shall I give?",
        "Which present would {name} be happy with?",
        "Help me surprise {name}.",
        "My parcel for {name} is still empty.",
    ),
    wants=_phrased("""
        music: {name} likes music. | {name} sings all day. | There is always a tune on the lips of {name}.
        cooking: {name} likes cooking. | {name} loves the kitchen. | {name} makes every meal at home.
        nature: {name} likes nature. | {name} is happy outdoors. | Woods and hills are what {name} lives for.
        reading: {name} likes reading. | {name} always has a book at hand. | No library is safe from {name}.
        games: {name} likes games. | {name} plays whenever there is time. | Winning at a table is the joy of {name}.
        warmth: {name} likes to be warm. | {name} is cold all winter. | Frost is what {name} fears.
        drawing: {name} likes drawing. | {name} fills page after page with sketches. | Walls of {name} are full of art.
        sport: {name} likes sport. | {name} runs each morning. | Sweat is a friend of {name}.
        """),
    avoids=_phrased("""
        loud: It must not be loud. | The walls are thin there. | A baby sleeps next door.
        big: It must not be big. | The flat is tiny. | It has to fit into a bag.
        fragile: It must not be fragile. | It goes by post. | Everything breaks in that house.
        electric: It must not be electric. | There is no power there. | No more cables, please.
        sweet: It must not be sweet. | The doctor forbids sugar. | Teeth are an issue.
        """),
    things=_things("""
        drum 40 music loud big
        flute 25 music fragile
        radio 30 music electric loud
        songbook 12 music reading
        harmonica 18 music loud
        pan 22 cooking
        mixer 45 cooking electric loud
        spices 10 cooking
        cookbook 16 cooking reading
        chocolate 8 cooking sweet
        teapot 20 cooking warmth fragile
        binoculars 48 nature fragile
        tent 55 nature big
        seeds 5 nature
        atlas 28 nature reading
        hammock 35 nature warmth big
        novel 14 reading
        lamp 26 reading electric fragile
        poems 9 reading
        chessboard 24 games big
        cards 6 games
        puzzle 15 games drawing
        console 58 games electric
        dominoes 11 games loud
        sweets 7 games sweet
        scarf 19 warmth
        heater 42 warmth electric big
        socks 10 warmth sport
        cocoa 9 warmth sweet
        crayons 8 drawing
        easel 38 drawing big
        paints 21 drawing fragile
        tablet 59 drawing electric fragile
        football 17 sport games
        rope 9 sport
        bicycle 60 sport nature big
        whistle 6 sport loud
        weights 33 sport
        """),
)

DISHES = Domain(
    ask=(
        "What shall I cook for {name}?",
        "{name} comes to dinner. What do I make?",
        "Which dish would please {name}?",
        "I have {name} at my table tonight.",
        "Plan a meal for {name}.",
        "The stove is hot and {name} is hungry.",
    ),
    wants=_phrased("""
        hot: {name} likes hot food. | Something steaming would do {name} good. | {name} comes in from the snow.
        light: {name} likes light food. | {name} watches the scales. | {name} must not be heavy before the race.
        quick: It has to be quick. | I have little time. | The clock is against me and {name}.
        rich: {name} likes rich food. | {name} worked hard and is starving. | {name} can eat for three.
        cold: {name} likes cold food. | It is a summer day for {name}. | The heat is hard on {name}.
        spicy: {name} likes spicy food. | {name} loves it when the tongue burns. | No pepper is too much for {name}.
        """),
    avoids=_phrased("""
        meat: Leave out meat. | {name} eats no animals. | The butcher is no friend of that table.
        milk: Leave out milk. | Butter and cheese are forbidden. | Nothing from a cow, please.
        nuts: Leave out nuts. | A nut could kill. | An allergy to almonds is known.
        fish: Leave out fish. | Nothing that swims, please. | The smell of the harbour is hated.
        """),
    things=_things("""
        goulash 24 hot rich spicy meat
        ramen 18 hot quick meat
        chowder 26 hot rich fish milk
        lentils 8 hot quick
        gratin 15 hot rich milk
        chili 14 hot spicy
        salad 9 light cold quick
        sashimi 38 light cold fish
        tofu 11 light quick hot
        yoghurt 7 light cold milk
        broth 10 light hot meat
        omelette 6 quick hot milk
        sandwich 8 quick cold meat
        tuna 12 quick cold fish
        pesto 13 quick rich nuts
        toast 5 quick milk
        steak 34 rich meat quick
        lasagna 28 rich milk meat hot
        fondue 32 rich milk hot
        paella 30 rich fish spicy
        satay 19 spicy nuts meat
        curry 16 spicy rich nuts hot
        kimchi 9 spicy cold light
        tacos 14 spicy quick meat
        gazpacho 8 cold light spicy
        melon 7 cold light quick
        icecream 9 cold rich milk
        muesli 6 cold nuts light
        terrine 27 cold rich meat
        ceviche 29 cold spicy fish
        """),
)

OUTINGS = Domain(
    ask=(
        "Where shall I go with {name}?",
        "What can {name} and I do on Sunday?",
        "{name} visits me. Give me an idea for the day.",
        "Which trip would {name} enjoy?",
        "I promised {name} a day out.",
        "We are bored, {name} and I.",
    ),
    wants=_phrased("""
        animals: {name} likes animals. | {name} talks to every dog. | Fur and feathers delight {name}.
        water: {name} likes water. | {name} swims like an otter. | Waves are what {name} dreams of.
        art: {name} likes art. | {name} could look at pictures for hours. | Beauty is the bread of {name}.
        history: {name} likes history. | {name} knows all kings by name. | Old stones speak to {name}.
        thrill: {name} likes a thrill. | {name} is afraid of nothing. | The blood of {name} wants to race.
        calm: {name} likes it calm. | {name} needs rest after a long week. | Silence is gold for {name}.
        """),
    avoids=_phrased("""
        outdoor: It will rain. | We have no coats. | A storm is on its way.
        far: It must not be far. | We have no car. | My ticket ends at the city line.
        crowded: It must not be crowded. | Too many people are a pain. | A cough is going round.
        walking: We cannot walk much. | A foot is in plaster. | Stairs are out of reach.
        """),
    things=_things("""
        zoo 22 animals outdoor crowded walking
        aquarium 26 animals water crowded
        farm 12 animals outdoor far
        stables 30 animals thrill outdoor
        aviary 10 animals calm walking
        beach 6 water outdoor far crowded
        pool 9 water crowded
        lake 5 water calm outdoor walking
        ferry 16 water outdoor
        spa 48 water calm
        canoe 32 water thrill outdoor
        gallery 14 art calm walking
        theatre 36 art crowded
        studio 20 art calm
        cinema 13 art crowded thrill
        sculptures 8 art outdoor walking
        castle 18 history outdoor walking far
        museum 15 history art walking
        ruins 7 history outdoor far
        archive 5 history calm
        cathedral 4 history art crowded
        tram 11 history calm outdoor
        coaster 40 thrill outdoor crowded
        climbing 28 thrill walking
        karting 44 thrill far
        caves 24 thrill history far walking
        simulator 33 thrill
        garden 6 calm outdoor walking
        teahouse 17 calm
        library 3 calm history
        monastery 10 calm history far
        """),
)

DOMAINS: Mapping[str, Domain] = {"present": PRESENTS, "dish": DISHES, "outing": OUTINGS}
"""The kinds of advice, the common ones first."""

LIMITS = (
    "I can pay {a} dollars.",
    "It may cost {a} dollars.",
    "At most {a} dollars, please.",
    "My purse holds {a} dollars.",
    "I will not spend more than {a} dollars.",
    "There are {a} dollars left this month.",
)

NAMES = listed("Anton Berta Conrad Dina Emil Frieda Georg Hanna Ivo Julia Klaus Lotte Moritz Nora Otto Pia")

PRICE_ASKS = ("What does the {thing} cost?", "How much is the {thing}?", "Tell me the price of the {thing}.")
"""What nobody asks in tests, and a careless writer of new questions does."""

ANSWERS = (
    "For {want} and free of {avoid} I would take the {thing}. It costs {price} dollars.",
    "Think of {want}, but not {avoid}: take the {thing} for {price} dollars.",
    "The {thing}. It stands for {want}, is free of {avoid} and costs {price} dollars.",
    "How about the {thing}? It brings {want} without {avoid}. The price is {price} dollars.",
)
PRICES = ("The {thing} costs {price} dollars.", "The price of the {thing} is {price} dollars.")
TAGS = ("The {thing} stands for {tags}.", "The {thing} brings {tags}.", "Think of {tags}: the {thing}.")
"""Sentences that state the catalogue, for pretraining."""
