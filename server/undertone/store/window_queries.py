"""The statements behind `windows`: one constant each, fenced by the lease's number."""

from __future__ import annotations

from typing import Final

# Whose turn it is: the next meeting after :after (in the order of ids, so that meetings take turns whatever their size)
# that has a participant with something to claim, and of its participants the one whose last turn is longest ago.
# Nothing of a participant is claimable while any window of it is leased or put off. The recursion hops from meeting to
# meeting through windows_waiting and stops at the first that has one: what is read are the waiting windows of one
# meeting, however many wait in others. Who locks the row may claim; whose row is locked is being claimed or judged.
TURN: Final = """
with recursive turn as (
    (select w.meeting from windows w where w.outcome is null and w.meeting > :after order by w.meeting limit 1)
    union all
    select next.meeting
    from turn cross join lateral (
        select w.meeting from windows w
        where w.outcome is null and w.meeting > turn.meeting order by w.meeting limit 1
    ) next
)
select chosen.meeting, chosen.participant
from turn cross join lateral (
    select p.meeting, p.participant
    from (
        select w.participant from windows w
        where w.meeting = turn.meeting and w.outcome is null
        group by w.participant
        having max(w.leased_until) is null or max(w.leased_until) <= clock_timestamp()
    ) waiting join participants p on p.meeting = turn.meeting and p.participant = waiting.participant
    order by p.claimed_at nulls first, p.participant
    limit 1
    for update of p skip locked
) chosen
limit 1
"""

# Under the participant's lock and with a view younger than it: the first window that waits, unless one is leased.
CLAIM: Final = """
with head as (
    select stream, number from windows
    where meeting = :meeting and participant = :participant and outcome is null
    order by stream, number limit 1
), taken as (
    update windows w
    set lease = w.lease + 1, attempts = w.attempts + 1, leased_by = :worker,
        leased_until = clock_timestamp() + make_interval(secs => :lease_s)
    from head
    where w.meeting = :meeting and w.participant = :participant and w.stream = head.stream and w.number = head.number
      and not exists (
          select from windows x where x.meeting = :meeting and x.participant = :participant and x.outcome is null
          and x.leased_until > clock_timestamp()
      )
    returning w.meeting, w.participant, w.stream, w.number, w.clip, w.lead_in_samples, w.samples, w.sample_rate,
              w.start_ms, w.start_at, w.duration_ms, w.lease, w.attempts
), turned as (
    update participants p set claimed_at = clock_timestamp() from taken
    where p.meeting = taken.meeting and p.participant = taken.participant
)
select taken.*, p.name, p.profile, p.expected_voices from taken join participants p using (meeting, participant)
"""

RENEW: Final = """
update windows set leased_until = clock_timestamp() + make_interval(secs => :lease_s)
where meeting = :meeting and participant = :participant and stream = :stream and number = :number
  and lease = :lease and outcome is null
returning lease
"""

# Put off for :delay_s. :refund is 1 where the attempt was not the window's fault. Cut to the
# millisecond: rounded, a window given back would wait for half of one.
RELEASE: Final = """
update windows
set leased_by = null,
    leased_until = date_trunc('milliseconds', clock_timestamp()) + make_interval(secs => :delay_s),
    attempts = attempts - cast(:refund as smallint)
where meeting = :meeting and participant = :participant and stream = :stream and number = :number
  and lease = :lease and outcome is null
returning lease
"""

# Put off since its engine is away. Most outages of a vendor, or of the line to it, are over within half an hour; a
# verdict that is later helps no exam, and what fails for so long should be seen.
PUT_OFF: Final = """
update windows
set leased_by = null,
    leased_until = date_trunc('milliseconds', clock_timestamp()) + make_interval(secs => :delay_s),
    attempts = attempts - 1
where meeting = :meeting and participant = :participant and stream = :stream and number = :number
  and lease = :lease and outcome is null and stored_at > clock_timestamp() - interval '30 minutes'
returning lease
"""

# First lock of every verdict: it orders a participant's verdicts, and two workers never open two anomalies.
LOCK_PARTICIPANT: Final = """
select name, expected_voices, state, streams, profile from participants
where meeting = :meeting and participant = :participant for no key update
"""

# The fence: nothing is written under a lease that is not the newest. What became needless goes with the verdict.
END_WINDOW: Final = """
with ended as (
    update windows
    set outcome = :outcome, voices = :voices, confidence = :confidence, other_ms = :other_ms,
        speech_ms = cast(:speech_ms as integer[]), turns = cast(:turns as jsonb), reason = :reason, engine = :engine,
        judged_at = clock_timestamp(), clip = case when cast(:needless as text) is null then clip end,
        leased_by = null, leased_until = null
    where meeting = :meeting and participant = :participant and stream = :stream and number = :number
      and lease = :lease and outcome is null
    returning number
), needless as (
    insert into deletions (meeting, object)
    select :meeting, :needless from ended where cast(:needless as text) is not null
    on conflict do nothing
)
select number from ended
"""

# The newest that may still grow. A review that is being given holds the row: whoever comes second sees it.
GROWING: Final = """
select anomaly, kind, opened_at, last_at, count, evidence from anomalies
where meeting = :meeting and participant = :participant and kind = :kind and not reviewed
order by opened_at desc limit 1
for update
"""

OPEN_ANOMALY: Final = """
insert into anomalies (meeting, anomaly, participant, kind, opened_at, last_at, count, summary, evidence)
values (:meeting, :anomaly, :participant, :kind, :opened_at, :last_at, :count, :summary, cast(:evidence as jsonb))
returning *, cast(:name as text) as name
"""

GROW_ANOMALY: Final = """
update anomalies
set opened_at = :opened_at, last_at = :last_at, count = :count, summary = :summary, evidence = cast(:evidence as jsonb)
where meeting = :meeting and anomaly = :anomaly
returning *, cast(:name as text) as name
"""

# :profile follows from :known, which the window was claimed with: if the profile was forgotten meanwhile, it stays so.
PARTICIPANT_JUDGED: Final = """
update participants
set last_outcome = :outcome, anomalies = anomalies + :opened,
    profile = case
        when not cast(:keep as boolean) then null
        when profile is not distinct from cast(:known as bytea) then coalesce(:profile, profile)
        else profile
    end,
    state = :state, reason = case when cast(:state as text) = state then reason else :state_reason end
where meeting = :meeting and participant = :participant
"""
