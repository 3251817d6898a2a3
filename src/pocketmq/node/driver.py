"""Carries a broker's outcomes out, one turn of the loop after another.

    bytes ─▶ Connection ─▶ handler ─▶ outcome ─┬─ Reply: leaves at the end of the turn, with the others of its batch
                                               ├─ Stored, ReplyWhenDurable: held until written (ASYNC) or synced (SYNC)
                                               ├─ ReplyWithRecords: bytes read from the page cache, else by the thread
                                               ├─ ReadFirst: so too, and decided then by what was read
                                               ├─ RecordsWhenDurable: read, then held
                                               ├─ Park: kept, decided again when a message may be for it or time is up
                                               └─ Relay, Survey: asked of other clients, whose answers are passed on
    end of the turn: replies of batches that stored nothing leave ─▶ log write
                     ─▶ publish, and parked requests that a new message concerns ─▶ the other replies leave

Nothing here knows what a message is; nothing in the broker knows what a socket is.
"""

import asyncio
import logging
from collections.abc import Callable
from functools import partial

from pocketmq.broker.fast_failure import LATE_MS, overdue
from pocketmq.broker.filters.arrivals import Arrivals, arrivals
from pocketmq.broker.router import HANDLERS, RUNS, unsupported
from pocketmq.broker.sessions import connection_closed
from pocketmq.broker.state import BrokerState
from pocketmq.model.errors import Refusal
from pocketmq.model.outcome import (
    LIMIT,
    NO_FIELDS,
    ROUTE,
    Outcome,
    Park,
    ReadFirst,
    RecordsWhenDurable,
    Relay,
    Reply,
    ReplyWhenDurable,
    ReplyWithRecords,
    Survey,
)
from pocketmq.node.durability import Durability, Held
from pocketmq.node.flusher import Flusher
from pocketmq.node.parking import Parked, Parking
from pocketmq.node.records_reader import RecordsReader
from pocketmq.node.relays import Relays
from pocketmq.node.runs import decide_run
from pocketmq.node.session import Session
from pocketmq.node.tables_writer import TablesWriter
from pocketmq.protocol.codes import ResponseCode
from pocketmq.protocol.frame import Command, encode_request, encode_response
from pocketmq.protocol.frame.send_reply import SendReplies, Stored
from pocketmq.transport.server import Link

log = logging.getLogger(__name__)

_LONE_TURNS = 32
"""After so many turns in which one connection spoke, its turn ends with its batch: nobody is there to wait for."""

_PROBE_BATCHES = 64
"""But every so often the turn stays open until the loop comes round, to find out whether that is still so."""


class BrokerDriver:
    """The one writer of a broker's state: all of it happens on the loop that made it."""

    def __init__(
        self,
        state: BrokerState,
        durability: Durability,
        tables: TablesWriter,
        reader: Flusher,
        replies: SendReplies,
        now: Callable[[], int],
    ) -> None:
        self.state = state
        self.store = state.store
        self.durability = durability
        self.tables = tables
        self.records = RecordsReader(state.store.log, reader)
        self.replies = replies
        self.now_ms = now
        self.parking = Parking(state.parked)
        self.relays = Relays(self.send_to, self.carry_out, self._bug)
        self.sessions: dict[int, Session] = {}
        self._loop = asyncio.get_running_loop()
        self._turn_open = False
        self._turn_opened_ms = 0
        self._leaving: list[tuple[Link, bytes]] = []
        self._batches = 0
        self._turn_began = 0
        self._lone_turns = 0
        self.on_topics_changed: Callable[[], None] = lambda: None
        self.on_route_wanted: Callable[[], None] = lambda: None
        durability.on_durable = self._became_durable

    def accept(self, link: Link, refused: frozenset[int] = frozenset()) -> Session:
        """A receiver for a new link; `refused` codes are not served on its port."""
        session = Session(link, self.decide_all, self.lost, refused)
        self.sessions[link.id] = session
        return session

    def lost(self, session: Session) -> None:
        """The link is gone: so are its parked requests and its place in the registry."""
        self.sessions.pop(session.link.id, None)
        self.parking.forget(session.link)
        self.relays.peer_lost(session.link.id)
        connection_closed(self.state, session.link.peer.id)
        self.send_outbox()

    # ------------------------------------------------------------------------------------------- deciding

    def decide_all(self, session: Session, commands: list[Command]) -> None:
        """One batch of one connection: `if` above, `for` below."""
        now_ms = self.now_ms()
        state = self.state
        link = session.link
        peer = link.peer
        written = self.store.log.written
        plain: list[bytes] = []
        outcomes: list[Stored] = []
        stored: list[Command] = []
        noted: list[tuple[Command, Reply]] = []
        ahead: list[Outcome] = []
        if self._turn_open and now_ms - self._turn_opened_ms >= LATE_MS:
            commands, refused = overdue(commands, now_ms - self._turn_opened_ms, state.settings)
            for late, reply in refused:
                self._answer(link, late, reply)
        for at, command in enumerate(commands):
            if command.flag & 1:
                self.relays.answered(peer.id, command)
                continue
            command.arrived_ms = now_ms
            handler = HANDLERS.get(command.code)
            try:
                if handler is None or command.code in session.refused:
                    outcome: Outcome | Stored = unsupported(command)
                elif command.code in RUNS:
                    ahead = ahead or decide_run(commands, at, peer, state, now_ms)
                    outcome = ahead.pop()
                else:
                    outcome = handler(command, peer, state, now_ms)
            except Refusal as refusal:
                outcome = Reply(refusal.code, refusal.remark, refusal.fields or NO_FIELDS)
            except Exception as error:
                outcome = self._bug(command, link, error)
            if state.unsaved:
                self._when_saved(link, command, outcome)
            elif type(outcome) is ReplyWhenDurable and outcome.waits and outcome.log_offset_end > written:
                if not command.flag & 2:
                    noted.append((command, outcome.reply))
            elif type(outcome) is Stored and outcome.waits:
                if not command.flag & 2:
                    outcomes.append(outcome)
                    stored.append(command)
            elif type(outcome) is Reply:
                if not command.flag & 2:
                    plain.append(encode_response(command, outcome))
            elif type(outcome) is ReplyWithRecords:
                body = self.store.log.gather_nowait(outcome.entries)
                if body is not None:
                    plain.append(encode_response(command, outcome.reply, body))
                else:
                    self.carry_out(link, command, outcome)
            else:
                self.carry_out(link, command, outcome)
        if stored or noted:
            answers = self.replies.encode_all(outcomes, stored) if stored else b""
            if noted:
                answers += b"".join([encode_response(command, reply) for command, reply in noted])
                stored += [command for command, _ in noted]
            self.durability.hold(Held(link, plain, answers, stored, self.store.log.end, now_ms))
        elif plain:
            self._leaving.append((link, plain[0] if len(plain) == 1 else b"".join(plain)))
        self._batches += 1
        if self._lone_turns > _LONE_TURNS and not self._turn_open and self._batches % _PROBE_BATCHES:
            self.end_turn()
        else:
            self.open_turn()

    def decide(self, link: Link, command: Command) -> None:
        """One command again, after it was parked."""
        self._decide_by(link, command, lambda: HANDLERS[command.code](command, link.peer, self.state, self.now_ms()))

    def _decide_read(self, link: Link, command: Command, outcome: ReadFirst, body: bytes) -> None:
        """What was read for a client that is gone by now is for nobody: a pop would hide messages from the others."""
        if link.id in self.sessions:
            self._decide_by(link, command, lambda: outcome.then(body, self.now_ms()))

    def _decide_by(self, link: Link, command: Command, decide: Callable[[], Outcome | Stored]) -> None:
        try:
            outcome = decide()
        except Refusal as refusal:
            outcome = Reply(refusal.code, refusal.remark, refusal.fields or NO_FIELDS)
        except Exception as error:
            outcome = self._bug(command, link, error)
        if self.state.unsaved:
            self._when_saved(link, command, outcome)
        else:
            self.carry_out(link, command, outcome)

    def carry_out(self, link: Link, command: Command, outcome: Outcome | Stored) -> None:
        """Any outcome, one at a time."""
        if isinstance(outcome, Reply):
            self._answer(link, command, outcome)
        elif isinstance(outcome, ReplyWithRecords):
            self._read(link, command, outcome)
        elif isinstance(outcome, ReadFirst):
            self.records.read_from_disk(
                command,
                outcome.entries,
                partial(self._decide_read, link, command, outcome),
                partial(self._answer, link, command),
            )
        elif isinstance(outcome, RecordsWhenDurable):
            self._read_then_hold(link, command, outcome)
        elif isinstance(outcome, Park):
            self._park(link, command, outcome)
        elif isinstance(outcome, Stored | ReplyWhenDurable):
            self._when_stored(link, command, outcome)
        elif isinstance(outcome, Relay):
            self.relays.ask(link, command, outcome)
        elif isinstance(outcome, Survey):
            self.relays.survey(link, command, outcome)
        self.open_turn()

    def _when_saved(self, link: Link, command: Command, outcome: Outcome | Stored) -> None:
        def carry(error: OSError | None) -> None:
            if error is None and isinstance(outcome, Park):
                self.decide(link, command)  # A message that came meanwhile has woken nobody.
            elif error is None:
                self.carry_out(link, command, outcome)
            else:
                self._answer(link, command, Reply(ResponseCode.SYSTEM_ERROR, f"cannot be saved: {error}"))

        self.tables.when_saved(carry)

    def _when_stored(self, link: Link, command: Command, outcome: Stored | ReplyWhenDurable) -> None:
        if command.is_oneway:
            return
        if isinstance(outcome, Stored):
            answer = self.replies.encode(outcome, command)
        else:
            answer = encode_response(command, outcome.reply)
        now_ms = self.now_ms()
        if outcome.log_offset_end <= self.store.log.flushed or (
            outcome.log_offset_end <= self.store.log.written and not (self.durability.is_sync and outcome.waits)
        ):
            link.write(answer)
        elif outcome.waits:
            self.durability.hold(Held(link, [], answer, [command], outcome.log_offset_end, now_ms))
        else:
            self.durability.hold_for_write(Held(link, [], answer, [command], outcome.log_offset_end, now_ms))

    def _answer(self, link: Link, command: Command, reply: Reply) -> None:
        if not command.is_oneway:
            link.write(encode_response(command, reply))

    def _park(self, link: Link, command: Command, park: Park) -> None:
        command.resumed += 1
        if not self._wait(
            park.key, Parked(link, command, park.until_ms, park.wants, park.more, park.label, park.alike)
        ):
            self._answer(link, command, Reply(ResponseCode.SYSTEM_BUSY, "too many requests are waiting"))
        elif park.key[1] == ROUTE:
            self.on_route_wanted()

    def _wait(self, key: tuple[str, int], parked: Parked) -> bool:
        queues = [] if key[1] in (LIMIT, ROUTE) else [self.store.queue(*each) for each in (key, *parked.more)]
        is_parked = self.parking.park(key, parked, *[queue.max_offset for queue in queues])
        for queue in queues:
            queue.watched = queue.watched or is_parked
        return is_parked

    def _read(self, link: Link, command: Command, wanted: ReplyWithRecords) -> None:
        self.records.read(
            command,
            wanted.entries,
            lambda body: link.write(encode_response(command, wanted.reply, body)),
            partial(self._answer, link, command),
        )

    def _read_then_hold(self, link: Link, command: Command, wanted: RecordsWhenDurable) -> None:
        """Reads the records; the answer then leaves when what was written with it is durable."""
        reply, discards = wanted.reply, self.store.discards

        def hold(body: bytes | bytearray) -> None:
            whole = ReplyWhenDurable(reply.with_body(reply.body + body), wanted.log_offset_end)
            lost = Reply(ResponseCode.SYSTEM_BUSY, "what was popped could not be written")
            self.carry_out(link, command, whole if discards == self.store.discards else lost)

        self.records.read(command, wanted.entries, hold, partial(self._answer, link, command))

    def _bug(self, command: Command, link: Link, error: Exception) -> Reply:
        self.state.bugs += 1
        log.error("request %d of %s broke us: %r", command.code, link.peer.address, command, exc_info=error)
        return Reply(ResponseCode.SYSTEM_ERROR, f"{type(error).__name__} in PocketMQ, see the broker's log")

    # --------------------------------------------------------------------------------------- the turn's end

    def open_turn(self) -> None:
        """Makes sure that `end_turn` comes, if there is anything for it to do."""
        state = self.state
        if not self._turn_open and (
            self._leaving or self.durability.has_turn or state.outbox or state.registration_due or state.resets_made
        ):
            self._turn_open = True
            self._turn_opened_ms = self.now_ms()
            self._loop.call_soon(self.end_turn)

    def end_turn(self) -> None:
        """Writes what the turn appended, shows it to readers, and lets the answers go."""
        self._turn_open = False
        batches = self._batches - self._turn_began
        self._turn_began = self._batches
        self._lone_turns = 0 if batches > 1 else self._lone_turns + batches
        if self.state.registration_due:
            self.state.registration_due = False
            self.on_topics_changed()
        while self.state.resets_made:
            self._wake(self.state.resets_made.pop())
        if self._leaving:
            # One behind the other: a client that the first has woken is still awake for the others, and the kernel's
            # wake-up is the dearest part of an answer.
            leaving, self._leaving = self._leaving, []
            for link, answer in leaving:
                link.write(answer)
        if self.durability.has_turn:
            self.durability.end_turn()
        self.send_outbox()

    def _became_durable(self, log_offset: int) -> None:
        """Readers may see everything below; parked requests look again."""
        for queue in self.store.publish(log_offset, self.now_ms()):
            arrived = None
            if self.parking.is_choosy(queue.key):
                judged_to, waited_from = self.parking.judged(queue.key)
                arrived = arrivals(self.store, queue, judged_to=judged_to, waited_from=waited_from)
            self._wake(queue.key, arrived)
            if arrived is not None and self.parking.awaits(queue.key):
                queue.watched = True

    def _wake(self, key: tuple[str, int], arrived: Arrivals | None = None) -> None:
        """All whom it may concern look again; but where one found nothing, those like it need not be asked."""
        idle: set[tuple[str, str]] = set()
        for parked in self.parking.take(key, arrived):
            if parked.alike is not None and (parked.label, parked.alike) in idle:
                self._wait(key, parked._replace(more=tuple(other for other in parked.more if other != key)))
                continue
            count = self.parking.count
            self.decide(parked.link, parked.request)
            if parked.alike is not None and self.parking.count > count:
                idle.add((parked.label, parked.alike))

    def route_heard(self, topic: str) -> None:
        """A name server has said something about the topic; those who wait for it are decided again."""
        self._wake((topic, ROUTE))

    def due(self) -> None:
        """Parked requests whose time is up answer now."""
        for parked in self.parking.due(self.now_ms()):
            self.decide(parked.link, parked.request)

    def close_peer(self, peer_id: int) -> None:
        """Hangs up on a client that has been silent for too long."""
        if (session := self.sessions.get(peer_id)) is not None:
            session.link.close()

    def send_to(self, peer_id: int, frame: bytes) -> bool:
        """Sends to a client by its number; false if it is gone."""
        session = self.sessions.get(peer_id)
        if session is None:
            return False
        session.link.write(frame)
        return True

    def send_outbox(self) -> None:
        """Sends what handlers want other clients to know."""
        if not self.state.outbox:
            return
        pushes = list(self.state.outbox)
        self.state.outbox.clear()
        for push in pushes:
            frame = encode_request(push.code, push.fields, push.body, opaque=self.relays.next_opaque(), oneway=True)
            self.send_to(push.peer_id, frame)
