"""Cases as people see and work on them, without a browser."""

import re
from html import unescape

from fraudstream.adapters.database.audit import entries
from fraudstream.console.app import Console
from fraudstream.domain.review.actions import Claim
from fraudstream.domain.review.case import Finding, State
from tests.console.cases_world import BLIND, SMALL, STOLEN, World
from tests.console.visiting import Visitor, visitor


def text_of(page: str) -> str:
    """Return what a page says, without its tags."""
    plain = re.sub(r"<(script|style)\b.*?</\1>", "", page, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", plain)).split())


def path(world: World, card: str = STOLEN) -> str:
    """Return the address of a card's case."""
    return f"/cases/{world.case(card).id}"


def close(who: Visitor, world: World, card: str = STOLEN, finding: str = "fraud", status: int = 303) -> str:
    """Close a card's case; return where that leads, or what the page says."""
    case = world.case(card)
    answer = who.post(
        f"/cases/{case.id}/close", status, finding=finding, reason="stolen", version=case.version
    )
    return answer.headers.get("location") or text_of(answer.text)


def test_the_queue_has_the_most_urgent_first_and_every_view_and_filter_is_an_address(
    either_world: World,
) -> None:
    """Money at risk and age; what is filtered away is not shown."""
    world = either_world
    who = visitor(world.console, "analyst")
    queue = who.get("/cases")

    assert queue.index("ending 1170") < queue.index("ending 1187") < queue.index("ending 1204")
    assert "1,350.00 USD" in queue
    assert "ending 1204" not in who.get("/cases?at_risk=100")
    assert "ending 1204" in who.get("/cases?view=due")
    for view in ("mine", "escalated", "snoozed", "closed"):
        assert 'class="empty"' in who.get(f"/cases?view={view}"), view
    assert "There is no view nothing" in who.get("/cases?view=nothing", 400)
    assert "is a number" in text_of(who.get("/cases?at_risk=much", 400))


def test_whoever_claims_the_next_has_it_alone(either_world: World) -> None:
    """Two analysts get two cases, and the second to claim one is told who has it."""
    world = either_world
    ann, bob = (visitor(world.console, "analyst", name) for name in ("ann", "bob"))
    first = ann.post("/cases/next").headers["location"]

    assert path(world) == first
    assert path(world, BLIND) == bob.post("/cases/next").headers["location"]
    refused = text_of(bob.post(f"{first}/claim", 409).text)
    assert "Not done: ann has claimed the case." in refused
    assert "ann works on this case until" in refused
    assert "Not done: ann has claimed the case." in close(bob, world, status=409)
    assert "Claimed by you" in text_of(ann.get("/cases?view=mine"))


def test_closing_leads_to_the_queue_and_can_be_undone_for_ten_seconds(either_world: World) -> None:
    """A second click is no mistake; everything is in the audit trail."""
    world = either_world
    who = visitor(world.console, "analyst")
    there = path(world)
    who.post(f"{there}/claim")

    assert f"/cases?closed={world.case(STOLEN).id}" == close(who, world)
    assert (State.CLOSED, Finding.FRAUD) == (world.case(STOLEN).state, world.case(STOLEN).finding)
    assert close(who, world).startswith("/cases?closed=")
    offer = text_of(who.get(f"/cases?closed={world.case(STOLEN).id}"))
    assert "Card ending 1170 is closed as fraud. Undo" in offer

    who.post(f"{there}/undo")
    assert State.OPEN == world.case(STOLEN).state
    close(who, world, finding="legitimate")
    assert Finding.LEGITIMATE == world.case(STOLEN).finding
    assert "is closed as" not in visitor(world.console, "lead").get(f"/cases?closed={world.case(STOLEN).id}")
    done = [each.action for each in entries(world.console.engine, action="case.")]
    assert ["case.close", "case.undo", "case.close", "case.claim"] == done


def test_a_case_that_got_another_alert_is_not_closed_unseen(world: World) -> None:
    """The page said less than there is; what was written is not lost."""
    who = visitor(world.console, "analyst")
    seen = world.case(STOLEN)
    world.alert(STOLEN, 1000, 77.0)
    world.open_cases()
    answer = who.post(f"/cases/{seen.id}/close", 409, finding="fraud", reason="stolen", version=seen.version)

    assert "Not done: the case was changed meanwhile" in text_of(answer.text)
    assert 'value="fraud" required checked' in answer.text
    assert 'value="stolen"' in answer.text
    assert State.OPEN == world.case(STOLEN).state


def test_a_blind_case_tells_nothing_of_model_and_rules_until_it_is_closed(world: World) -> None:
    """Neither the queue, nor the page, nor what the archive adds."""
    who = visitor(world.console, "analyst")
    pages = [path(world, BLIND), f"{path(world, BLIND)}/past", "/cases"]
    hidden = ("955", "Secret reason", "very-likely-fraud", "Approved")
    told = [(page, word) for page in pages for word in hidden if word in text_of(who.get(page))]

    assert [] == told
    assert "reviewed blind" in text_of(who.get(path(world, BLIND)))
    close(who, world, BLIND)
    after = text_of(who.get(path(world, BLIND)))
    assert [] == [word for word in hidden if word not in after]


def test_the_page_says_what_is_unusual_what_happened_and_what_is_linked(world: World) -> None:
    """In sentences, with the currency; what a merchant calls itself is text."""
    who = visitor(world.console, "analyst")
    page, past = who.get(path(world)), who.get(f"{path(world)}/past")
    said = text_of(past)

    assert "The amount is 90 times the card's usual amount" in text_of(page)
    assert "900.00 USD. None of the 30 payments in the 30 days before had as much" in said
    assert "The ten minutes up to it" in said
    assert "1.50 USD" in said
    assert "30 payments, " in said
    assert re.search(r"Merchant Jeweller .*? 6 6 6 100.0 %", said)
    for address in ("/search?card=" + STOLEN, "/search?field=merchant%3DJeweller"):
        assert f'<a href="{address}' in past
    assert "Electronics" in who.get(f"/search?card={STOLEN}")
    assert "<script>document" not in page + past
    assert "<img src=x" not in page + past


def test_without_an_archive_the_page_says_so(console: Console) -> None:
    """And shows the case's own payments."""
    world = World(console)
    world.alert(STOLEN, 1000, 50.0)
    world.open_cases()
    said = text_of(visitor(console, "analyst").get(f"{path(world)}/past"))

    assert "There is no archive yet" in said
    assert "50.00 USD" in said


def test_what_the_archive_has_not_got_yet_is_said(world: World) -> None:
    """It is written every minute."""
    world.alert(STOLEN, 0, 60.0)
    world.open_cases()

    assert "has not got the newest of these payments yet" in visitor(world.console, "analyst").get(
        f"{path(world)}/past"
    )


def test_notes_tags_due_snooze_escalate_and_assign(either_world: World) -> None:
    """Each from its form; what was done is told in order."""
    world = either_world
    who, lead = visitor(world.console, "analyst"), visitor(world.console, "lead")
    there = path(world)
    who.post(f"{there}/note", text="called the customer")
    who.post(f"{there}/tag", text="jewellery")
    who.post(f"{there}/due", text="2031-05-06T07:08")
    who.post(f"{there}/snooze", text="4")
    assert "ending 1170" in who.get("/cases?view=snoozed")
    who.post(f"{there}/escalate", text="more than I may refund")
    assert "ending 1170" in who.get("/cases?view=escalated&tag=jewellery")
    lead.post(f"{there}/assign", text="analyst")
    assert "ending 1170" in who.get("/cases?view=mine")
    told = text_of(who.get(there))

    assert "analyst noted: called the customer" in told
    assert "made it due at 2031-05-06 07:08:00 UTC" in told
    assert "analyst escalated it: more than I may refund" in told
    assert "lead assigned it to analyst" in told
    assert "Say for how long" in text_of(who.post(f"{there}/snooze", 400, text="forever").text)
    assert "Write a date and a time" in text_of(who.post(f"{there}/due", 400, text="soon").text)
    who.post(f"{there}/untag", text="jewellery")
    assert () == world.case(STOLEN).tags


def test_many_cases_are_closed_after_their_number_was_confirmed(either_world: World) -> None:
    """What somebody else has claimed stays open, and is named."""
    world = either_world
    lead, ann = visitor(world.console, "lead"), visitor(world.console, "analyst")
    ids = [world.case(card).id for card in (STOLEN, SMALL)]
    shown = text_of(lead.send("/cases/close", {"ids": ids, "finding": "legitimate"}, 200).text)

    assert "Close 2 cases as legitimate?" in shown
    assert "3 payments, 1,362.00 USD at risk" in shown
    assert State.OPEN == world.case(SMALL).state
    form = {"ids": ids, "finding": "legitimate", "reason": "a test", "confirmed": "2"}
    assert "Close 2 cases" in lead.send("/cases/close", form | {"confirmed": "5"}, 200).text
    assert "say why" in lead.send("/cases/close", form | {"reason": " "}, 200).text
    with world.store.transaction() as cases:
        cases.change(ids[0], Claim(), "ann")
    done = text_of(lead.send("/cases/close", form, 200).text)
    assert "1 case closed as legitimate" in done
    assert "Card ending 1170 : ann has claimed the case" in done
    assert State.CLOSED == world.case(SMALL).state
    ann.send("/cases/close", form, 403)


def test_who_may_not_review_sees_cases_and_changes_nothing(world: World) -> None:
    """An auditor reads everything."""
    who = visitor(world.console, "auditor")

    assert "ending 1170" in who.get("/cases")
    page = who.get(path(world))
    assert f"{path(world)}/" not in page.replace(f"{path(world)}/past", "")
    for name in ("claim", "note", "close", "undo"):
        who.post(f"{path(world)}/{name}", 403, text="x", finding="fraud", reason="x")
    who.post("/cases/next", 403)
    who.get("/cases/nothing", 404)
    visitor(world.console, "analyst").post(f"{path(world)}/nothing", 404)


def test_a_reopened_case_is_closed_again_and_a_lead_takes_over(world: World) -> None:
    """What others have claimed and closed is for those who may do more."""
    ann, bob, lead = (
        visitor(world.console, "analyst", "ann"),
        visitor(world.console, "analyst", "bob"),
        visitor(world.console, "lead"),
    )
    there = path(world)
    ann.post(f"{there}/claim")
    lead.post(f"{there}/claim", over="1")
    assert "lead has claimed the case" in text_of(
        ann.post(f"{there}/note", 303, text="mine?").text + ann.post(f"{there}/release", 409).text
    )
    close(lead, world)
    assert "ask somebody who may reopen" in text_of(bob.post(f"{there}/reopen", 409, text="why").text)
    lead.post(f"{there}/reopen", text="the customer has called")

    assert State.OPEN == world.case(STOLEN).state
    assert "No case is left" in text_of(ann.get("/cases?told=none"))


def test_the_cards_that_a_link_names_lead_to_their_case(world: World) -> None:
    """One without a case is said to have none."""
    who = visitor(world.console, "analyst")

    assert path(world) == who.http.get(f"/cases/of/{STOLEN}").headers["location"]
    assert "there is no case of it" in text_of(who.get(f"/cases/of/{'e' * 32}", 400)).lower()


def test_a_program_s_case_shows_what_is_to_be_looked_at_and_is_closed_like_any_other(world: World) -> None:
    """It has no payments, and no past."""
    with world.store.transaction() as cases:
        case = cases.open("a2i", "my-loop", {"amount": 120, "name": "<b>Bob</b>"})
    who = visitor(world.console, "analyst")
    said = who.get(f"/cases/{case.id}")

    assert "A2i my-loop" in text_of(said)
    assert "&lt;b&gt;Bob" in said
    who.get(f"/cases/{case.id}/past", 404)
    assert (
        303 == who.post(f"/cases/{case.id}/close", finding="legitimate", reason="fine", version=1).status_code
    )


def test_a_decision_that_says_less_than_today_s_is_shown_as_far_as_it_goes(world: World) -> None:
    """Decisions are kept for long."""
    world.alert(SMALL[:31] + "d", 1000, 5.0)
    del world.decisions[-1]["reasons"], world.decisions[-1]["features"], world.decisions[-1]["degraded"]
    world.open_cases()
    who = visitor(world.console, "analyst")

    assert "likely-fraud" in who.get(path(world, SMALL[:31] + "d"))
    who.get(f"{path(world, SMALL[:31] + 'd')}/past")
