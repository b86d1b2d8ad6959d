"""Playing: time set forward from moment to moment, and at each all that is due then."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from types import SimpleNamespace
from typing import Any

from bot.postback import Action, postback_data
from jobs.clock import SWEEPS
from jobs.context import JobContext
from jobs.demo_week.crowd import Crowd, Newcomer, Visit
from jobs.demo_week.phones import Phones
from jobs.demo_week.webhooks import DirectWebhooks
from jobs.queue import TASKS
from jobs.timetable import CALLS, ROUNDS, TIMETABLE, Asking, Round
from models.demo.load import demo_people
from models.demo.playing import date_events, reached_at
from models.demo.week import Day, read_day
from models.local_day import TAIPEI, day_start

NIGHT_STEP, DAY_STEP = timedelta(hours=3), timedelta(hours=1)
MORNING, EVENING = time(9, 0), time(22, 0)
MOST_TURNS = 8
"""So often the queue is worked at one moment: each answer may leave more to do."""
LONGEST_COURIER_SECONDS = 20.0
JOIN_WORDS = "加入會員 #TP01"

Progress = Callable[[datetime], None]


@dataclass
class PlayedClock:
    """The time as the week sets it."""

    now: datetime

    def __call__(self) -> datetime:
        """Return the time."""
        return self.now


@dataclass
class Stage:
    """All that a week is played with: our own process's parts, and LINE's side of them."""

    clock: PlayedClock
    make_context: Callable[[], Awaitable[JobContext]]
    simulator_url: str
    webhooks: DirectWebhooks
    browse: Callable[[str], None]
    """Opens a link of ours as a phone's browser would."""
    rung: set[str] = field(default_factory=set)
    """The tasks of the queue that somebody rang for."""


def play_week(
    stage: Stage, first: date, days: int, seed: int, progress: Progress
) -> Iterator[tuple[date, Day]]:
    """Play one day after another; yield each with what it brought, as soon as it is over."""
    with asyncio.Runner() as runner:
        week = runner.run(_begin(stage, seed, progress))
        try:
            for place in range(days):
                day = first + timedelta(days=place)
                runner.run(week.play(day, place))
                with week.context.sessions() as session:
                    told = read_day(session, day_start(day), day_start(day + timedelta(days=1)))
                yield day, told
        finally:
            runner.run(week.end())


async def _begin(stage: Stage, seed: int, progress: Progress) -> "_Week":
    context = await stage.make_context()
    phones = Phones(stage.simulator_url)
    with context.sessions() as session:
        people = demo_people(session)
    await phones.plant(people)
    return _Week(stage, context, phones, Crowd(context.sessions, seed), progress)


@dataclass
class _Week:
    stage: Stage
    context: JobContext
    phones: Phones
    crowd: Crowd
    progress: Progress
    before: datetime | None = None
    """The moment before this one, whose messages are answered now."""
    visits: list[Visit] = field(default_factory=list)
    steps: frozenset[datetime] = frozenset()
    """The moments of the day at which the rounds come round."""

    async def end(self) -> None:
        """Close what is open."""
        await self.phones.close()
        await self.context.line.close()

    async def play(self, day: date, place: int) -> None:
        """Play one day from midnight to midnight."""
        self.visits += self.crowd.visits_of(day, day_start(day))
        chatters = self.crowd.chatters_of(day)
        newcomer = self.crowd.newcomer_of(day, place)
        self.steps = steps_of(day)
        for moment in sorted(self.steps | entries_of(day)):
            self.stage.clock.now = moment
            self.progress(moment)
            await self._tick(moment)
            for user_id in [user for at, user in chatters if self._is_due(at, moment)]:
                card = {"type": "postback", "data": postback_data(Action.SHOW_CARD)}
                await self.phones.act(user_id, "action", action=card)
            if self._is_due(newcomer.at, moment):
                await self._join(newcomer)
            await self._answer(moment)
            self._buy(moment)
            await self._work()
            self.before = moment

    def _is_due(self, at: datetime, moment: datetime) -> bool:
        return (self.before or moment) < at <= moment

    async def _tick(self, moment: datetime) -> None:
        """Do what the clock process leaves in the queue at this moment."""
        for entry in TIMETABLE:
            slot = entry.latest_slot(moment)
            if slot == moment:
                name = slot.isoformat(timespec="minutes")
                await self._run("run_entry", name=entry.name, slot=name)
        rounds: tuple[Round | Asking, ...] = (*ROUNDS, *CALLS)
        for each in rounds if moment in self.steps else ():
            task = "run_call" if isinstance(each, Asking) else "run_round"
            await self._run(task, name=each.name)
        await self._work()

    async def _work(self) -> None:
        """Work the queue as the sweeps do, until nobody rings any more."""
        self.stage.rung.clear()
        # There is one worker here, and it lives: nothing is to be rescued.
        wanted = [task for task in SWEEPS if task != "rescue_stalled"]
        for _ in range(MOST_TURNS):
            await asyncio.to_thread(self.stage.webhooks.wait_until_settled)
            with self.context.sessions.begin() as session:
                date_events(session, self.stage.clock.now)
            for task in wanted:
                await self._run(task)
            others = asyncio.all_tasks() - {asyncio.current_task()}
            if others:
                await asyncio.wait(others, timeout=LONGEST_COURIER_SECONDS)
            wanted = sorted(self.stage.rung)
            self.stage.rung.clear()
            if not wanted:
                return

    async def _run(self, task: str, **told: str) -> None:
        """Run a task as the queue would: by its name, with its context."""
        queue: Any = SimpleNamespace(additional_context={"regulars": self.context})
        run: Any = {each.__name__: each for each in TASKS}[task]
        await run(queue, **told)

    # --- people

    def _buy(self, moment: datetime) -> None:
        """Let everybody buy whose visit has come."""
        due = sorted(visit for visit in self.visits if visit.at <= moment)
        self.visits = [visit for visit in self.visits if visit.at > moment]
        for visit in due:
            self.crowd.buy(visit, moment)

    async def _answer(self, moment: datetime) -> None:
        """Let those who were written to a moment ago tap, come by, or block us."""
        if self.before is None:
            return
        with self.context.sessions() as session:
            reached = reached_at(session, self.before)
        for member_id, user_id in reached:
            answer, chance = self.crowd.answers(user_id, moment)
            if answer == "block":
                await self.phones.act(user_id, "unfollow")
            elif answer == "tap":
                await self._tap(user_id, chance)
                visit = self.crowd.drawn_visit(chance, member_id, moment)
                self.visits += [visit] if visit is not None else []

    async def _tap(self, user_id: str, chance: Any) -> None:
        assert self.before is not None, "who answers was written to before"
        seen = await self.phones.buttons(user_id, int(self.before.timestamp() * 1000))
        buttons = [button for button in seen if button["type"] != "datetimepicker"]
        if not buttons:
            return
        button = chance.choice(buttons)
        if button["type"] == "uri":
            await asyncio.to_thread(self.stage.browse, button["uri"])
        else:
            await self.phones.act(user_id, "action", action=button)

    async def _join(self, person: Newcomer) -> None:
        """Let somebody add the account and become a member, question by question."""
        known = {"id": person.user_id, "name": person.name, "language": "zh-TW", "friend": False}
        await self.phones.plant([known])
        await self.phones.act(person.user_id, "follow")
        await self._work()
        await self._say(person, JOIN_WORDS)
        await self._press(person, Action.AGREE_NOTICE)
        await self._say(person, person.name)
        await self._say(person, person.phone)
        picked = {"date": person.birthday.isoformat()}
        await self._press(person, Action.PICK_BIRTHDAY, params=picked)
        await self._press(person, Action.ALLOW_MARKETING)

    async def _say(self, person: Newcomer, words: str) -> None:
        await self.phones.act(person.user_id, "text", text=words)
        await self._work()

    async def _press(self, person: Newcomer, action: Action, **also: Any) -> None:
        """Press the newest button of this action, if there is one."""
        asked = [
            button
            for button in await self.phones.buttons(person.user_id, 0)
            if f"action={action}" in button.get("data", "")
        ]
        if asked:
            await self.phones.act(person.user_id, "action", action=asked[-1], **also)
            await self._work()


def steps_of(day: date) -> frozenset[datetime]:
    """Return the moments at which a day is played whatever is due: closer by day than by night."""
    moment, end = day_start(day), day_start(day + timedelta(days=1))
    found = set()
    while moment < end:
        found.add(moment)
        is_day = MORNING <= moment.astimezone(TAIPEI).time() < EVENING
        moment += DAY_STEP if is_day else NIGHT_STEP
    return frozenset(found)


def entries_of(day: date) -> frozenset[datetime]:
    """Return the moments of a day at which an entry of the timetable is due."""
    return frozenset(datetime.combine(day, entry.at, TAIPEI).astimezone(UTC) for entry in TIMETABLE)
