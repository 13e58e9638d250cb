"""What can be asked of the nights, and which of their log-outs count for an answer."""

from __future__ import annotations

from afterglow.delay import Interval, Verdict
from afterglow.history.past import nights
from afterglow.statistics.groups import Question, answers, left_out, questions
from tests.statistics.past import UNSEEN, log_out, run, simple_nights

ALL, ONE = Question("log out all"), Question("log out one")


def test_a_night_answers_with_all_its_log_outs_of_that_action() -> None:
    history = nights(
        [
            run(0, log_out({"session": (1, 2)}), log_out({"session": (8, 9)}, action="log out one")),
            run(0, log_out({"session": (3, 4), "access": (5, 6)}), repetition=2),
            run(1, log_out({"session": (40, 41)})),
        ]
    )
    first, second = answers(history, ALL)
    assert first.night is history[0]
    assert first.intervals == (Interval(1, 2), Interval(5, 6))
    assert first.verdicts == (Verdict.WITHIN, Verdict.WITHIN)
    assert [each.delay for each in first.log_outs] == list(first.intervals)
    assert second.verdicts == (Verdict.LATE,)
    assert [answer.intervals for answer in answers(history, ONE)] == [(Interval(8, 9),)]


def test_of_one_layer_or_surface_only_its_doors_count() -> None:
    history = nights([run(0, log_out({"session": (3, 4), "access": (40, 41), "codex": (1, UNSEEN)}))])
    assert answers(history, Question("log out all", layer="session"))[0].verdicts == (Verdict.WITHIN,)
    (chatgpt,) = answers(history, Question("log out all", surface="ChatGPT"))
    assert (chatgpt.intervals, chatgpt.verdicts) == ((Interval(40, 41),), (Verdict.LATE,))
    (codex,) = answers(history, Question("log out all", surface="Codex"))
    assert (codex.intervals, codex.verdicts) == ((Interval(1),), (Verdict.UNDETERMINED,))
    assert answers(history, Question("log out all", layer="replay")) == []


def test_of_one_browser_only_its_runs_count_whatever_its_version() -> None:
    history = nights(
        [
            run(0, log_out({"session": (1, 2)}), browser="chromium 156.0"),
            run(0, log_out({"session": (3, 4)}), browser="firefox 150.0", repetition=2),
            run(1, log_out({"session": (5, 6)}), browser="chromium 157.0"),
        ]
    )
    chromium = answers(history, Question("log out all", engine="chromium"))
    assert [answer.intervals for answer in chromium] == [(Interval(1, 2),), (Interval(5, 6),)]


def test_a_log_out_that_is_not_usable_counts_for_nothing_but_is_counted() -> None:
    """Its control died, or the site was out: its intervals say nothing of the delay."""
    history = nights(
        [
            run(0, log_out({"session": (1, 2)}, usable=False), log_out({"session": (3, 4)})),
            run(1, log_out({"session": (1, 2)}, usable=False)),
        ]
    )
    assert [answer.intervals for answer in answers(history, ALL)] == [(Interval(3, 4),)]
    assert left_out(history, ALL) == 2
    assert left_out(history, ONE) == 0
    assert questions(history[1:]) == []


def test_the_verdict_on_all_doors_is_the_one_that_the_night_came_to() -> None:
    """It may be undetermined where the interval alone would not be."""
    history = nights([run(0, log_out({"session": (1, 2)}, verdict=Verdict.UNDETERMINED))])
    assert answers(history, ALL)[0].verdicts == (Verdict.UNDETERMINED,)


def test_the_questions_come_in_the_order_of_their_weight() -> None:
    history = nights(
        [
            run(0, log_out({"codex": (1, 2), "session": (1, 2), "new": (1, 2)}, action="log out one")),
            run(1, log_out({"session": (1, 2)}), log_out({"session": (1, 2)}, action="sign out")),
            run(2, log_out({"session": (1, 2)}), browser="firefox 150.0"),
        ]
    )
    assert [question.told for question in questions(history)] == [
        "log out all, all doors",
        "log out one, all doors",
        "sign out, all doors",
        "log out all, session",
        "log out all, all doors, in chromium",
        "log out all, all doors, in firefox",
        "log out one, session",
        "log out one, codex",
        "log out one, new",
        "log out one, all doors of ChatGPT",
        "log out one, all doors of Codex",
        "sign out, session",
    ]


def test_every_question_has_an_answer() -> None:
    history = simple_nights((1, 2), (3, 4))
    assert all(answers(history, question) for question in questions(history))
    assert questions([]) == []
