"""Carries a broker's outcomes out, one turn of the loop after another.

    bytes ─▶ Connection ─▶ handler ─▶ outcome ─┬─ Reply: leaves at the end of the turn, with the others of its batch
                                               ├─ Stored, ReplyWhenDurable: held until written (ASYNC) or synced (SYNC)
                                               ├─ ReplyWithRecords: bytes read from the page cache, else by the thread
                                               ├─ Park: kept, and decided again when a message comes or time is up
                                               └─ Relay: asked of another client, whose answer is passed on
    end of the turn: replies of batches that stored nothing leave ─▶ log write
                     ─▶ publish, and parked requests that a new message concerns ─▶ the other replies leave

Nothing here knows what a message is; nothing in the broker knows what a socket is.
"""

import asyncio
import logging
from collections.abc import Callable

from pocketmq.broker.fast_failure import busy, patience_ms
from pocketmq.broker.router import HANDLERS, unsupported
from pocketmq.broker.sessions import connection_closed
from pocketmq.broker.state import BrokerState
from pocketmq.model.errors import ProtocolError, Refusal
from pocketmq.model.outcome import (
    LIMIT,
    NO_FIELDS,
    ROUTE,
    Outcome,
    Park,
    Relay,
    Reply,
    ReplyWhenDurable,
    ReplyWithRecords,
)
from pocketmq.node.durability import Durability, Held
from pocketmq.node.flusher import Flusher
from pocketmq.node.parking import Parked, Parking
from pocketmq.node.relays import Relays
from pocketmq.node.tables_writer import TablesWriter
from pocketmq.protocol.codes import ResponseCode
from pocketmq.protocol.connection import Connection
from pocketmq.protocol.frame import Command, encode_request, encode_response
from pocketmq.protocol.frame.send_reply import SendReplies, Stored
from pocketmq.store.consume_queue import Entry
from pocketmq.transport.server import Link

log = logging.getLogger(__name__)

_LONE_TURNS = 32
"""After so many turns in which one connection spoke, its turn ends with its batch: nobody is there to wait for."""

_DAMAGED_SAID_MAX = 10_000

_LATE_MS = 10
"""A turn that is younger makes no request too late, so that nobody looks closer."""

_PROBE_BATCHES = 64
"""But every so often the turn stays open until the loop comes round, to find out whether that is still so."""


class Session:
    """One connection to the broker: the receiver of its bytes."""

    __slots__ = ("connection", "driver", "link", "refused")

    def __init__(self, driver: "BrokerDriver", link: Link, refused: frozenset[int]) -> None:
        self.driver = driver
        self.link = link
        self.refused = refused
        self.connection = Connection()

    def received(self, data: bytes) -> None:
        """Decides every command that these bytes complete."""
        try:
            commands = self.connection.feed(data)
        except ProtocolError as error:
            log.warning("%s sent what is not RocketMQ's protocol, connection closed: %s", self.link.peer.address, error)
            self.link.close()
            return
        if commands:
            self.driver.decide_all(self, commands)

    def lost(self) -> None:
        """Called by the link."""
        self.driver.lost(self)


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
        self.reader = reader
        self.replies = replies
        self.now_ms = now
        self.parking = Parking()
        self.relays = Relays(self.send_to, self.carry_out)
        self.sessions: dict[int, Session] = {}
        self._loop = asyncio.get_running_loop()
        self._turn_open = False
        self._turn_opened_ms = 0
        self._damaged: set[int] = set()
        self._leaving: list[tuple[Link, bytes]] = []
        self._batches = 0
        self._turn_began = 0
        self._lone_turns = 0
        self.on_topics_changed: Callable[[], None] = lambda: None
        self.on_route_wanted: Callable[[], None] = lambda: None
        durability.on_durable = self._became_durable

    def accept(self, link: Link, refused: frozenset[int] = frozenset()) -> Session:
        """A receiver for a new link; `refused` codes are not served on its port."""
        session = Session(self, link, refused)
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
        plain: list[bytes] = []
        outcomes: list[Stored] = []
        stored: list[Command] = []
        if self._turn_open and now_ms - self._turn_opened_ms >= _LATE_MS:
            commands = self._fail_late(link, commands, now_ms - self._turn_opened_ms)
        for command in commands:
            if command.flag & 1:
                self.relays.answered(peer.id, command)
                continue
            command.arrived_ms = now_ms
            handler = HANDLERS.get(command.code)
            try:
                if handler is None or command.code in session.refused:
                    outcome: Outcome | Stored = unsupported(command)
                else:
                    outcome = handler(command, peer, state, now_ms)
            except Refusal as refusal:
                outcome = Reply(refusal.code, refusal.remark, refusal.fields or NO_FIELDS)
            except Exception as error:
                outcome = self._bug(command, link, error)
            if state.unsaved:
                self._when_saved(link, command, outcome)
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
        if stored:
            answers = self.replies.encode_all(outcomes, stored)
            self.durability.hold(Held(link, plain, answers, stored, self.store.log.end, now_ms))
        elif plain:
            self._leaving.append((link, plain[0] if len(plain) == 1 else b"".join(plain)))
        self._batches += 1
        if self._lone_turns > _LONE_TURNS and not self._turn_open and self._batches % _PROBE_BATCHES:
            self.end_turn()
        else:
            self.open_turn()

    def _fail_late(self, link: Link, commands: list[Command], waited_ms: int) -> list[Command]:
        """Those that are served although they have waited so long, behind others of this turn; the rest is refused."""
        settings = self.state.settings
        if not settings.broker_fast_failure_enable:
            return commands
        served = []
        for index, command in enumerate(commands):
            if command.is_response or waited_ms < patience_ms(command.code, settings):
                served.append(command)
            else:
                self._answer(link, command, busy(waited_ms, len(commands) - index - 1))
        return served

    def decide(self, link: Link, command: Command) -> None:
        """One command again, after it was parked."""
        try:
            outcome: Outcome | Stored = HANDLERS[command.code](command, link.peer, self.state, self.now_ms())
        except Refusal as refusal:
            outcome = Reply(refusal.code, refusal.remark, refusal.fields or NO_FIELDS)
        except Exception as error:
            outcome = self._bug(command, link, error)
        self.carry_out(link, command, outcome)

    def carry_out(self, link: Link, command: Command, outcome: Outcome | Stored) -> None:
        """Any outcome, one at a time."""
        if isinstance(outcome, Reply):
            self._answer(link, command, outcome)
        elif isinstance(outcome, ReplyWithRecords):
            self._read(link, command, outcome)
        elif isinstance(outcome, Park):
            self._park(link, command, outcome)
        elif isinstance(outcome, Stored | ReplyWhenDurable):
            self._when_stored(link, command, outcome)
        elif isinstance(outcome, Relay):
            self.relays.ask(link, command, outcome)
        self.open_turn()

    def _when_saved(self, link: Link, command: Command, outcome: Outcome | Stored) -> None:
        def carry(error: OSError | None) -> None:
            if error is None:
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
        if not self.parking.park(park.key, Parked(link, command, park.until_ms)):
            self._answer(link, command, Reply(ResponseCode.SYSTEM_BUSY, "too many requests are waiting"))
            return
        if park.key[1] == ROUTE:
            self.on_route_wanted()
        elif park.key[1] != LIMIT:
            self.store.queue(*park.key).watched = True

    def _read(self, link: Link, command: Command, wanted: ReplyWithRecords) -> None:
        body = self.store.log.gather_nowait(wanted.entries)
        if body is not None:
            link.write(encode_response(command, wanted.reply, body))
            return
        found: list[tuple[bytes, list[Entry]]] = []

        def read() -> None:
            found.append(self.store.log.gather(wanted.entries))

        def done(error: OSError | None) -> None:
            if error is None:
                body, damaged = found[0]
                for entry in damaged:
                    self._say_damaged(command, entry)
                link.write(encode_response(command, wanted.reply, body))
            else:
                self._answer(link, command, _unreadable(error))

        self.reader.run(read, done)

    def _say_damaged(self, command: Command, entry: Entry) -> None:
        """Once for each record: a consumer that comes again is not told again."""
        if entry.log_offset not in self._damaged and len(self._damaged) < _DAMAGED_SAID_MAX:
            self._damaged.add(entry.log_offset)
            log.critical(
                "damaged: the message of topic %s, queue %s at log offset %d cannot be read and is left out; "
                "those behind it can",
                command.fields.get("topic"),
                command.fields.get("queueId"),
                entry.log_offset,
            )

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
            self._wake(queue.key)

    def _wake(self, key: tuple[str, int]) -> None:
        for parked in self.parking.take(key):
            self.decide(parked.link, parked.request)

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


def _unreadable(error: OSError) -> Reply:
    return Reply(ResponseCode.SYSTEM_ERROR, f"the log cannot be read: {error.strerror or error}")
