"""The bookkeeping of unfinished messages, by example and against a model that is too simple to be wrong."""

from hypothesis import given, settings
from hypothesis import strategies as st

from pocketmq.client.process_queue import ProcessQueue
from pocketmq.model.limits import CACHED_BYTES_PER_QUEUE_MAX, CACHED_MESSAGES_PER_QUEUE_MAX, CACHED_SPAN_PER_QUEUE_MAX


def pulled(count: int, start: int = 0, size: int = 1) -> ProcessQueue:
    queue = ProcessQueue(start)
    queue.add([(start + place, size) for place in range(count)], start + count)
    return queue


def test_an_empty_queue_commits_where_it_goes_on() -> None:
    queue = ProcessQueue(7)
    assert (queue.committable, len(queue), queue.is_full, queue.first_and_last) == (7, 0, False, (0, 0))
    queue.add((), 12)
    assert queue.committable == 12


def test_what_was_pulled_before_is_not_taken_twice() -> None:
    queue = ProcessQueue(5)
    assert queue.add([(5, 1), (6, 1)], 7) == [5, 6]
    assert queue.add([(6, 1), (7, 1)], 8) == [7]
    queue.finish(5, 0)
    assert queue.add([(5, 1)], 8) == []


def test_a_filtered_gap_is_passed_over_when_the_messages_before_it_are_done() -> None:
    queue = ProcessQueue(0)
    queue.add([(3, 1), (9, 1)], 20)
    assert queue.committable == 3
    queue.finish(3, 0)
    assert queue.committable == 9
    queue.finish(9, 0)
    assert queue.committable == 20


def test_finishing_twice_or_what_is_not_there_does_nothing() -> None:
    queue = pulled(2)
    assert queue.finish(0, 0)
    assert not queue.finish(0, 0)
    assert not queue.finish(99, 0)
    assert (queue.byte_count, len(queue)) == (1, 1)


def test_a_move_forgets_and_what_comes_late_belongs_to_the_past() -> None:
    queue = pulled(3)
    queue.move(1)
    assert (queue.committable, len(queue), queue.byte_count) == (1, 0, 0)
    assert queue.add([(1, 1)], 2) == [1]
    assert not queue.finish(1, 0)
    assert queue.holds(1, 1)
    assert queue.finish(1, 1)


def test_each_bound_is_reached() -> None:
    assert not pulled(CACHED_MESSAGES_PER_QUEUE_MAX - 1).is_full
    assert pulled(CACHED_MESSAGES_PER_QUEUE_MAX).is_full
    assert not pulled(1, size=CACHED_BYTES_PER_QUEUE_MAX - 1).is_full
    assert pulled(1, size=CACHED_BYTES_PER_QUEUE_MAX).is_full
    stretched = pulled(1)
    stretched.add((), CACHED_SPAN_PER_QUEUE_MAX)
    assert not stretched.is_full
    stretched.add((), CACHED_SPAN_PER_QUEUE_MAX + 1)
    assert stretched.is_full
    stretched.finish(0, 0)
    assert not stretched.is_full


steps = st.lists(
    st.one_of(
        st.tuples(st.just("pull"), st.lists(st.booleans(), max_size=8)),
        st.tuples(st.just("finish"), st.integers(0, 40)),
        st.tuples(st.just("move"), st.integers(0, 40)),
    ),
    max_size=40,
)


@settings(deadline=None, print_blob=True, max_examples=200)
@given(steps)
def test_it_agrees_with_a_plain_set(steps: list[tuple[str, object]]) -> None:
    queue = ProcessQueue(0)
    unfinished: set[int] = set()
    end = 0
    for step, argument in steps:
        if step == "pull":
            assert isinstance(argument, list)
            wanted = [end + place for place, is_wanted in enumerate(argument) if is_wanted]
            end += len(argument)
            assert queue.add([(offset, 2) for offset in wanted], end) == wanted
            unfinished |= set(wanted)
        elif step == "finish":
            assert isinstance(argument, int)
            assert queue.finish(argument, queue.generation) == (argument in unfinished)
            unfinished.discard(argument)
        else:
            assert isinstance(argument, int)
            queue.move(argument)
            unfinished, end = set(), argument
        assert queue.committable == min(unfinished, default=end)
        assert (len(queue), queue.byte_count, queue.next_offset) == (len(unfinished), 2 * len(unfinished), end)
        if unfinished:
            assert queue.first_and_last == (min(unfinished), max(unfinished))
