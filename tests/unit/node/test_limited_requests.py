"""Sends and pulls that are held by a limit: new messages do not wake them, time does."""

from hand_driver import HandDriver
from hand_frames import send_frame
from hand_stories import in_loop, opaques, pull_frame, topic_made

from pocketmq.model.outcome import LIMIT
from pocketmq.protocol.codes import ResponseCode


@in_loop
async def test_a_pull_over_its_rate_is_answered_when_its_time_has_come() -> None:
    hand = HandDriver()
    link, session = topic_made(hand)
    hand.state.settings.pull_rate_limit_per_group = 1
    hand.state.limits_changed()
    session.received(send_frame(2) + send_frame(3))
    hand.turn()
    session.received(pull_frame(4, offset=0))
    link.take()
    session.received(pull_frame(5, offset=1))
    session.received(send_frame(6))
    hand.turn()
    assert [opaque for opaque, _ in opaques(link)] == [6], "a message came, and the pull still waits"
    hand.now_ms += 900
    hand.driver.due()
    assert opaques(link) == []
    for _ in range(30):
        hand.now_ms += 100
        hand.driver.due()
    assert opaques(link) == [(5, 0)]
    assert hand.state.store.find_queue("TopicTest", LIMIT) is None, "what it waited for is no queue"


@in_loop
async def test_a_sender_over_its_rate_waits_for_its_turn_and_one_far_over_it_is_told_so() -> None:
    hand = HandDriver()
    link, session = topic_made(hand)
    hand.state.settings.send_rate_limit_per_topic = 1
    hand.state.limits_changed()
    session.received(send_frame(2) + send_frame(3) + send_frame(4))
    hand.turn()
    assert sorted(opaques(link)) == [(2, 0), (4, ResponseCode.SYSTEM_BUSY)]
    hand.now_ms += 900
    hand.driver.due()
    hand.turn()
    assert opaques(link) == []
    hand.now_ms += 200
    hand.driver.due()
    hand.turn()
    assert opaques(link) == [(3, 0)]
    assert hand.state.store.max_offset("TopicTest", 0) == 3
