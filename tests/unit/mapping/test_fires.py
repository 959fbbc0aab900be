"""Cron texts, fires across changes of clocks, ties, and the plan of a period."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from engine.mapping.fires import Fire, check_cron, fires, next_fire, next_fires, plan, schedules_of, tie_cycle
from engine.mapping.spec import Cron, Manual, MappingSpec, Once, Operation, Request, Schedule, SqlSource, Tied
from engine.values.errors import ConfigError
from engine.values.records import Change

WARSAW = ZoneInfo("Europe/Warsaw")
DAILY, HOURLY = Cron(text="0 15 0 * * *"), Cron(text="0 0 * * * *")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def texts(cron: str, start: str, end: str, zone: str = "Europe/Warsaw") -> list[str]:
    return [fire.isoformat() for fire in fires(Cron(text=cron), ZoneInfo(zone), at(start), at(end))]


# --- texts -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "* * * * * *",
        "0 */2 * * * *",
        "50 */10 * * * *",
        "0 5-59/10 * * * *",
        "0 0,30 8-20 * * *",
        "0 15 0 * JAN-mar MON,wed",
        "0 0 12 ? * sun",
        "0 0 12 L * *",
        "0 0 12 29 2 *",
        "0 0 12 29-31 2 *",
        "0 0 22-4 * * 7",
        "  0  0 12 * * 0-7 ",
        "0 5/20 * * * *",
    ],
)
def test_a_good_text_has_no_fault(text: str) -> None:
    assert check_cron(text) is None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("*/2 * * * *", "'*/2 * * * *' has five fields, the seconds are missing in front: write '0 */2 * * * *'"),
        (
            "@daily",
            "'@daily' has not 6 fields but 1: write six, such as '0 */10 * * * *' "
            "(second, minute, hour, day of month, month, day of week)",
        ),
        (
            "0 0 0 1 1 * 2031",
            "'0 0 0 1 1 * 2031' has not 6 fields but 7: write six, such as '0 */10 * * * *' "
            "(second, minute, hour, day of month, month, day of week)",
        ),
        ("0 60 * * * *", "minute '60' of '0 60 * * * *' is not allowed there: write 0-59"),
        ("0 0 24 * * *", "hour '24' of '0 0 24 * * *' is not allowed there: write 0-23"),
        ("0 0 0 0 * *", "day of month '0' of '0 0 0 0 * *' is not allowed there: write 1-31 or L for the last one"),
        ("0 0 0 1 13 *", "month '13' of '0 0 0 1 13 *' is not allowed there: write 1-12 or JAN-DEC"),
        (
            "0 0 0 * * FOO",
            "day of week 'foo' of '0 0 0 * * FOO' is not allowed there: write 0-7 or SUN-SAT, where 0 and 7 are Sunday",
        ),
        ("0 0 0 30 2 *", "'0 0 0 30 2 *' never fires: no month it names has day 30"),
        ("0 0 0 31 4,6 *", "'0 0 0 31 4,6 *' never fires: no month it names has day 31"),
        (
            "0 5-5 * * * *",
            "minute '5-5' of '0 5-5 * * * *' has a range of one value "
            "(for croniter that is all of them), instead of 5: write 0-59",
        ),
        (
            "0 */90 * * * *",
            "minute '*/90' of '0 */90 * * * *' has a step of 90 that leads out of the field: write 0-59",
        ),
        ("0 */0 * * * *", "minute '*/0' of '0 */0 * * * *' is not allowed there: write 0-59"),
        ("H * * * * *", "second 'h' of 'H * * * * *' is not understood: write 0-59"),
        (
            "0 0 0 15W * *",
            "day of month '15w' of '0 0 0 15W * *' is not understood: write 1-31 or L for the last one",
        ),
        ("0 ,5 * * * *", "minute ',5' of '0 ,5 * * * *' is not understood: write 0-59"),
        ("٣ 0 0 * * *", "second '٣' of '٣ 0 0 * * *' is not understood: write 0-59"),
    ],
)
def test_a_bad_text_is_told_in_one_sentence(text: str, fault: str) -> None:
    assert check_cron(text) == fault


def test_a_bad_text_has_no_fires() -> None:
    with pytest.raises(ConfigError) as caught:
        fires(Cron(text="0 0 0 30 2 *"), WARSAW, at("2026-01-01T00:00Z"), at("2027-01-01T00:00Z"))

    assert caught.value.code == "E_BAD_CRON"


# --- days --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cron", "days"),
    [
        ("0 0 12 L * *", ["01-31", "02-28", "03-31", "04-30"]),
        ("0 0 12 29 2 *", []),
        ("0 0 12 1 * *", ["01-01", "02-01", "03-01", "04-01"]),
        ("0 0 12 13 2 MON", ["02-02", "02-09", "02-13", "02-16", "02-23"]),
        ("0 0 12 * 4 SAT-SUN", ["04-04", "04-05", "04-11", "04-12", "04-18", "04-19", "04-25", "04-26"]),
        ("0 0 12 * 4 6-7", ["04-04", "04-05", "04-11", "04-12", "04-18", "04-19", "04-25", "04-26"]),
    ],
)
def test_days_of_the_month_and_of_the_week(cron: str, days: list[str]) -> None:
    actual = [text[5:10] for text in texts(cron, "2026-01-01T00:00Z", "2026-05-01T00:00Z")]

    assert actual == days


# --- changes of clocks ---------------------------------------------------------------------------------

MARCH = ("2026-03-29T01:00+01:00", "2026-03-29T05:00+02:00")  # 02:00 becomes 03:00
OCTOBER = ("2026-10-25T01:00+02:00", "2026-10-25T04:00+01:00")  # 03:00 becomes 02:00


@pytest.mark.parametrize(
    ("cron", "period", "expected"),
    [
        ("0 30 2 * * *", MARCH, ["03:00:00+02:00"]),
        ("0 30 2 * * *", OCTOBER, ["02:30:00+02:00"]),
        ("0 0 2 * * *", MARCH, ["03:00:00+02:00"]),
        ("0 0 2 * * *", OCTOBER, ["02:00:00+02:00"]),
        ("0 0 3 * * *", MARCH, ["03:00:00+02:00"]),
        ("0 0 3 * * *", OCTOBER, ["03:00:00+01:00"]),
        ("0 */20 2 * * *", MARCH, ["03:00:00+02:00"]),
        ("0 */20 2 * * *", OCTOBER, ["02:00:00+02:00", "02:20:00+02:00", "02:40:00+02:00"]),
        ("0 0,30 2,3 * * *", MARCH, ["03:00:00+02:00", "03:30:00+02:00"]),
        ("0 10 2,3 * * *", MARCH, ["03:00:00+02:00", "03:10:00+02:00"]),
        ("0 30 1-3 * * *", OCTOBER, ["01:30:00+02:00", "02:30:00+02:00", "03:30:00+01:00"]),
        (
            "0 */30 * * * *",
            MARCH,
            [
                "01:00:00+01:00",
                "01:30:00+01:00",
                "03:00:00+02:00",
                "03:30:00+02:00",
                "04:00:00+02:00",
                "04:30:00+02:00",
            ],
        ),
        ("0 25 * * * *", MARCH, ["01:25:00+01:00", "03:25:00+02:00", "04:25:00+02:00"]),
        ("0 25 * * * *", OCTOBER, ["01:25:00+02:00", "02:25:00+02:00", "02:25:00+01:00", "03:25:00+01:00"]),
        ("0 25 0-23 * * *", OCTOBER, ["01:25:00+02:00", "02:25:00+02:00", "02:25:00+01:00", "03:25:00+01:00"]),
    ],
)
def test_named_hours_follow_the_wall_clock_and_all_hours_the_elapsed_time(
    cron: str, period: tuple[str, str], expected: list[str]
) -> None:
    assert [text[11:] for text in texts(cron, *period)] == expected


@pytest.mark.parametrize("period", [MARCH, OCTOBER])
def test_every_two_minutes_stays_every_two_minutes(period: tuple[str, str]) -> None:
    found = list(fires(Cron(text="0 */2 * * * *"), WARSAW, at(period[0]), at(period[1])))

    start = at(period[0])
    assert found == [start + timedelta(minutes=2 * n) for n in range(len(found))]
    assert found[-1] + timedelta(minutes=2) == at(period[1])


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("2026-10-25T02:30+02:00", ["02:30:00+02:00"]),
        ("2026-10-25T02:30:00.000001+02:00", []),
        ("2026-10-25T02:00+01:00", []),
        ("2026-10-25T02:30+01:00", []),
        ("2026-03-29T03:00+02:00", ["03:00:00+02:00"]),
        ("2026-03-29T03:00:01+02:00", []),
    ],
)
def test_a_period_that_begins_amid_a_change_neither_repeats_nor_loses_a_fire(start: str, expected: list[str]) -> None:
    end = start[:10] + "T23:00+01:00"

    assert [text[11:] for text in texts("0 30 2 * * *", start, end)] == expected


@pytest.mark.parametrize(
    ("zone", "cron", "start", "end", "expected"),
    [
        (  # half an hour is skipped and repeated
            "Australia/Lord_Howe",
            "0 0,15,45 2 * * *",
            "2026-10-03T14:00Z",
            "2026-10-04T14:00Z",
            ["2026-10-04T02:30:00+11:00", "2026-10-04T02:45:00+11:00"],
        ),
        (
            "Australia/Lord_Howe",
            "0 45 1 * * *",
            "2026-04-04T13:00Z",
            "2026-04-05T13:00Z",
            ["2026-04-05T01:45:00+11:00"],
        ),
        (  # midnight is skipped
            "America/Sao_Paulo",
            "0 0 0 * * *",
            "2018-11-03T12:00Z",
            "2018-11-05T12:00Z",
            ["2018-11-04T01:00:00-02:00", "2018-11-05T00:00:00-02:00"],
        ),
        (  # a whole day is skipped
            "Pacific/Apia",
            "0 0 9 * * *",
            "2011-12-29T12:00Z",
            "2012-01-01T12:00Z",
            [
                "2011-12-29T09:00:00-10:00",
                "2011-12-31T00:00:00+14:00",
                "2011-12-31T09:00:00+14:00",
                "2012-01-01T09:00:00+14:00",
            ],
        ),
        ("UTC", "0 30 2 * * *", "2026-03-29T00:00Z", "2026-03-30T00:00Z", ["2026-03-29T02:30:00+00:00"]),
    ],
)
def test_zones_with_other_changes(zone: str, cron: str, start: str, end: str, expected: list[str]) -> None:
    assert texts(cron, start, end, zone) == expected


def test_the_end_of_a_period_is_outside_and_its_beginning_inside() -> None:
    assert texts("0 0 12 * * *", "2026-06-01T12:00+02:00", "2026-06-02T12:00+02:00") == ["2026-06-01T12:00:00+02:00"]
    assert texts("0 0 12 * * *", "2026-06-02T12:00+02:00", "2026-06-01T12:00+02:00") == []


def test_the_next_fire_is_later_than_the_moment_it_is_asked_for() -> None:
    fire = at("2026-06-01T00:15+02:00")

    assert next_fire(DAILY, WARSAW, fire - timedelta(seconds=1)) == fire
    assert next_fire(DAILY, WARSAW, fire) == fire + timedelta(days=1)
    assert next_fire(Cron(text="0 0 0 29 2 *"), WARSAW, at("2096-03-01T00:00Z")) == at("2104-02-29T00:00+01:00")


# --- all schedules -------------------------------------------------------------------------------------

CREATE, UPDATE = Cron(text="0 */10 * * * *"), Cron(text="50 */10 * * * *")
SHIPPED: dict[tuple[str, int], Schedule] = {
    ("blockades", 0): Tied(order="after", object="credits"),
    ("clients", 0): CREATE,
    ("clients", 1): UPDATE,
    ("credits", 0): Tied(order="after", object="clients"),
    ("orders", 0): HOURLY,
    ("orders", 1): HOURLY,
    ("segments", 0): Tied(order="before", object="clients"),
    ("segments", 1): Manual(),
    ("warehouses", 0): Once(),
    ("prices", 0): Manual(),
}


def test_a_plan_merges_operations_and_puts_ties_around_the_object_they_name() -> None:
    order = ["orders", "blockades", "clients", "credits", "segments", "warehouses", "prices"]

    actual = list(plan(SHIPPED, order, WARSAW, at("2026-06-01T12:00+02:00"), at("2026-06-01T12:10+02:00")))

    noon, later = at("2026-06-01T12:00:00+02:00"), at("2026-06-01T12:00:50+02:00")
    assert actual == [
        Fire(noon, "orders", (0, 1)),
        Fire(noon, "segments", (0,)),
        Fire(noon, "clients", (0,)),
        Fire(noon, "credits", (0,)),
        Fire(noon, "blockades", (0,)),
        Fire(later, "segments", (0,)),
        Fire(later, "clients", (1,)),
        Fire(later, "credits", (0,)),
        Fire(later, "blockades", (0,)),
    ]


def test_a_plan_without_timed_fires_is_empty() -> None:
    schedules: dict[tuple[str, int], Schedule] = {
        ("warehouses", 0): Once(),
        ("prices", 0): Manual(),
        ("lists", 0): Tied(order="after", object="prices"),
        ("lost", 0): Tied(order="after", object="nothing"),
    }

    assert list(plan(schedules, [], WARSAW, at("2026-01-01T00:00Z"), at("2027-01-01T00:00Z"))) == []


def test_the_next_fires_of_all_objects_follow_their_ties() -> None:
    noon, later = at("2026-06-01T12:00:00+02:00"), at("2026-06-01T12:00:50+02:00")

    assert next_fires(SHIPPED, WARSAW, noon) == {
        "blockades": later,
        "clients": later,
        "credits": later,
        "orders": noon + timedelta(hours=1),
        "segments": later,
    }


@pytest.mark.parametrize(
    ("ties", "cycle"),
    [
        ({("a", 0): Tied(order="after", object="b"), ("b", 0): HOURLY}, None),
        ({("a", 0): Tied(order="after", object="b"), ("b", 0): Tied(order="before", object="a")}, None),
        ({("a", 0): Tied(order="after", object="gone")}, None),
        ({("a", 0): HOURLY, ("a", 1): Tied(order="after", object="a")}, {"a"}),
        ({("a", 0): Tied(order="after", object="b"), ("b", 0): Tied(order="after", object="a")}, {"a", "b"}),
        ({("a", 0): Tied(order="before", object="b"), ("b", 0): Tied(order="before", object="a")}, {"a", "b"}),
        (
            {("a", 0): Tied(order="before", object="b"), ("a", 1): Tied(order="after", object="b"), ("b", 0): HOURLY},
            {"a", "b"},
        ),
    ],
)
def test_ties_that_go_in_a_circle_are_found(ties: dict[tuple[str, int], Schedule], cycle: set[str] | None) -> None:
    found = tie_cycle(ties)

    assert (set(found) if found else None) == cycle
    assert found is None or found[0] == found[-1]


def test_a_plan_of_a_circle_ends() -> None:
    circle: dict[tuple[str, int], Schedule] = {
        ("a", 0): HOURLY,
        ("a", 1): Tied(order="after", object="b"),
        ("b", 0): Tied(order="after", object="a"),
    }
    noon = at("2026-06-01T12:00:00+02:00")

    actual = list(plan(circle, ["a", "b"], WARSAW, noon, noon + timedelta(hours=1)))

    assert sorted((fire.object, fire.operations) for fire in actual) == [("a", (0, 1)), ("b", (0,))]


def test_an_operation_without_a_schedule_has_that_of_its_object() -> None:
    source = SqlSource(connection="erp", query="SELECT 1", key=("id",))
    request = (Request(method="PUT", path="/x"),)
    mappings = {
        "clients": MappingSpec(
            object="clients",
            file="clients.yaml",
            source=source,
            schedule=HOURLY,
            send=(
                Operation(on=frozenset({Change.ADDED}), requests=request, schedule=CREATE),
                Operation(on=frozenset({Change.CHANGED}), requests=request),
            ),
        ),
        "orders": MappingSpec(object="orders", file="orders.yaml", source=source, schedule=DAILY),
        "plans": MappingSpec(object="plans", file="plans.yaml", source=source, schedule=DAILY, draft=True),
    }

    assert schedules_of(mappings) == {("clients", 0): CREATE, ("clients", 1): HOURLY, ("orders", 0): DAILY}


def test_fires_compare_by_instant_in_the_repeated_hour() -> None:
    first, second = at("2026-10-25T02:25+02:00"), at("2026-10-25T02:25+01:00")

    found = list(fires(Cron(text="0 25 * * * *"), WARSAW, first, second + timedelta(minutes=1)))

    assert found == [first.astimezone(UTC), second.astimezone(UTC)]
    assert found[0] < found[1]
