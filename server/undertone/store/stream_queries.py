"""The statements behind `streams`: one constant each, fenced by the participant's generation."""

from __future__ import annotations

from typing import Final

PARTICIPANT: Final = """
select p.name, p.created_at, p.revoked_at, p.streams, p.state, p.generation, p.node, p.accepted_at,
       m.ended_at, m.created_at as meeting_created_at, clock_timestamp() as now
from participants p join meetings m using (meeting)
where p.meeting = :meeting and p.participant = :participant
"""

# The participant's row is the lock of everything that concerns its streams.
LOCK_PARTICIPANT: Final = PARTICIPANT + "for update of p"

STREAM_AND_PART: Final = """
select s.*, t.object
from streams s left join parts t using (meeting, participant, stream)
where s.meeting = :meeting and s.participant = :participant and s.stream = :stream
"""

BEGUN_AT: Final = """
select created_at from streams where meeting = :meeting and participant = :participant and stream = :stream
"""

# No connection was accepted after it opened; nor is it kept as later than it was, rounded to milliseconds.
OWN_PARTICIPANT: Final = """
update participants
set generation = generation + 1, node = :node, seen_at = now(),
    accepted_at = date_trunc('milliseconds', least(cast(:accepted_at as timestamptz), clock_timestamp())),
    streams = greatest(streams, :stream), state = 'streaming', reason = null
where meeting = :meeting and participant = :participant
returning generation
"""

# A new stream goes on with the credit of the one before: beginning anew is no way around the limit.
NEW_STREAM: Final = """
insert into streams (meeting, participant, stream, generation, credit_ms, credit_at)
select :meeting, :participant, :stream, :generation, before.credit_ms, before.credit_at
from (values (1)) as one left join streams before
  on before.meeting = :meeting and before.participant = :participant and before.stream = :stream - 1
"""

OWN_STREAM: Final = """
update streams set generation = :generation
where meeting = :meeting and participant = :participant and stream = :stream
"""

MEETING_STREAMS: Final = "update meetings set last_stream_at = now() where meeting = :meeting"

# The window, the resume point, and the end of the part that the window contains: all or nothing, by the owner.
# A window made of a part (:part) may also belong to a stream that a newer one overtook.
STORE_WINDOW: Final = """
with owner as materialized (
    select generation, streams from participants where meeting = :meeting and participant = :participant for update
), moved as (
    update streams s
    set resume_offset = :offset, resume_samples = :resume_samples, mpeg_version = :mpeg_version,
        sample_rate = :sample_rate, channels = :channels, next_window = :next_window, next_start = :next_start,
        lost_ms = :lost_ms, anchor_at = :anchor_at, credit_ms = :credit_ms, credit_at = :credit_at
    from owner
    where s.meeting = :meeting and s.participant = :participant and s.stream = :stream
      and s.generation = :generation and s.next_window = :number
      and case when cast(:part as text) is null then owner.generation = :generation
          else (owner.generation = :generation or s.stream < owner.streams)
               and exists (select from parts t where t.meeting = :meeting and t.participant = :participant
                           and t.stream = s.stream and t.object = :part) end
    returning s.stream
), taken as (
    delete from parts t using moved
    where t.meeting = :meeting and t.participant = :participant and t.stream = moved.stream
    returning t.object
), needless as (
    insert into deletions (meeting, object) select :meeting, object from taken on conflict do nothing
)
insert into windows (meeting, participant, stream, number, start_ms, duration_ms, start_at, clip, clip_bytes,
                     fingerprint, sample_rate, samples, lead_in_samples)
select :meeting, :participant, moved.stream, :number, :start_ms, :duration_ms, :start_at, :clip, :clip_bytes,
       :fingerprint, :window_rate, :samples, :lead_in_samples
from moved
returning number
"""

# The last owner of a stream may leave its part even when a newer stream has begun; but not behind a window that was
# made of an earlier part meanwhile.
LEAVE_PART: Final = """
with moved as (
    update streams
    set resume_offset = :offset, resume_samples = :resume_samples, mpeg_version = :mpeg_version,
        sample_rate = :sample_rate, channels = :channels, next_start = :next_start, lost_ms = :lost_ms,
        anchor_at = :anchor_at, credit_ms = :credit_ms, credit_at = :credit_at
    where meeting = :meeting and participant = :participant and stream = :stream
      and generation = :generation and next_window = :next_window and finished_at is null
    returning stream
), old as (
    select t.object from parts t join moved using (stream)
    where t.meeting = :meeting and t.participant = :participant and t.object <> :object
), needless as (
    insert into deletions (meeting, object) select :meeting, object from old on conflict do nothing
), emptied as (
    delete from parts t using moved
    where t.meeting = :meeting and t.participant = :participant and t.stream = moved.stream and :bytes = 0
)
insert into parts (meeting, participant, stream, object, bytes, generation)
select :meeting, :participant, stream, :object, :bytes, :generation from moved where :bytes > 0
on conflict (meeting, participant, stream) do update
set object = excluded.object, bytes = excluded.bytes, generation = excluded.generation, left_at = now()
returning object
"""

# A commit whose answer was lost may have named the part, and somebody else may own the stream since.
NAMED_PART: Final = "select object from parts where meeting = :meeting and object = :object"

# A gap where nothing was held: the resume point moves to its end, and a part that led up to it is needless.
KEEP_GAP: Final = """
with moved as (
    update streams
    set resume_offset = :offset, resume_samples = :resume_samples, mpeg_version = :mpeg_version,
        sample_rate = :sample_rate, channels = :channels, next_start = :next_start, lost_ms = :lost_ms,
        anchor_at = :anchor_at, credit_ms = :credit_ms, credit_at = :credit_at
    where meeting = :meeting and participant = :participant and stream = :stream
      and generation = :generation and next_window = :next_window
      and (resume_offset < :offset or lost_ms < :lost_ms)
    returning stream
), emptied as (
    delete from parts t using moved
    where t.meeting = :meeting and t.participant = :participant and t.stream = moved.stream
    returning t.object
), needless as (
    insert into deletions (meeting, object) select :meeting, object from emptied on conflict do nothing
)
select stream from moved
"""

# Only who anchors anew writes this anchor, so that saying it again finds it written.
KEEP_ANCHOR: Final = """
update streams set anchor_at = :anchor_at
where meeting = :meeting and participant = :participant and stream = :stream
  and generation = :generation and anchor_at is distinct from :anchor_at
returning stream
"""

RELEASE: Final = """
update participants set node = null, seen_at = now()
where meeting = :meeting and participant = :participant and generation = :generation
returning node
"""

FINISH_STREAM: Final = """
with owner as (
    update participants
    set node = null, seen_at = now(),
        state = case when revoked_at is null then 'finished' else state end,
        reason = case when revoked_at is null then null else reason end
    where meeting = :meeting and participant = :participant and generation = :generation
    returning generation
), taken as (
    delete from parts t using owner
    where t.meeting = :meeting and t.participant = :participant and t.stream = :stream
    returning t.object
), needless as (
    insert into deletions (meeting, object) select :meeting, object from taken on conflict do nothing
)
update streams s set finished_at = now(), total_bytes = :total_bytes
from owner
where s.meeting = :meeting and s.participant = :participant and s.stream = :stream
  and s.generation = owner.generation and s.finished_at is null
returning s.next_window
"""

# A commit whose answer was lost is said again by its owner: what it wrote tells that it was written.
WRITTEN_WINDOW: Final = """
select clip from windows
where meeting = :meeting and participant = :participant and stream = :stream and number = :number
  and fingerprint = :fingerprint
"""

WRITTEN_FINISH: Final = """
select next_window from streams
where meeting = :meeting and participant = :participant and stream = :stream
  and generation = :generation and finished_at is not null
"""
