-- Undertone's whole database: the current schema. Every table's key starts with the meeting, so that meetings can be
-- spread over databases later. `undertone.store.migrations` leads every released version here; a test compares the
-- catalogues. Times are the database's own clock, kept to the millisecond that the wire shows.

create table schema_version (
    version    integer not null,
    only_row   boolean primary key default true check (only_row)
);
comment on table schema_version is 'One row: which version of this schema the database has.';
insert into schema_version (version) values (1);

create table meetings (
    meeting        text primary key check (meeting ~ '^[0-9A-Za-z_-]{1,64}$'),
    title          text not null,
    created_at     timestamptz(3) not null default now(),
    admin_hash     bytea not null,                     -- SHA-256 of the admin_id: 256 random bits need no salt
    join_hash      bytea not null,                     -- SHA-256 of the join_secret
    provider       text not null default 'local',
    provider_data  jsonb not null default '{}',        -- what the room provider answered
    epoch          text not null,                      -- event ids count within it; replaced only after a restore
    last_event     bigint not null default 0,          -- the counter of event ids: never derived from events
    trimmed_to     bigint not null default 0,          -- events up to this id are kept no longer
    last_stream_at timestamptz(3) not null default now(), -- a meeting without a stream for 24 h ends
    ended_at       timestamptz(3)                      -- retention starts here
);
comment on table meetings is 'An exam room. Its row lock orders the events of the meeting.';
create index meetings_newest on meetings (created_at desc, meeting);
create index meetings_open on meetings (last_stream_at) where ended_at is null;
create index meetings_ended on meetings (ended_at) where ended_at is not null;

create table participants (
    meeting         text not null references meetings on delete cascade,
    participant     text not null check (participant ~ '^[0-9A-Za-z_-]{1,64}$'),
    name            text not null,
    external_id     text,                              -- who this is in the exam platform's or room provider's eyes
    expected_voices smallint not null default 1 check (expected_voices between 1 and 16),
    created_at      timestamptz(3) not null default now(),
    revoked_at      timestamptz(3),
    state           text not null default 'joined' check (state in
                      ('joined', 'streaming', 'degraded', 'silent', 'lost', 'finished', 'revoked')),
    reason          text,                              -- why the state is what it is
    node            text,                              -- which node owns the live connection; null if none
    generation      bigint not null default 0,         -- raised by every hello: an older owner can write no more
    accepted_at     timestamptz(3),                    -- when the newest owner's connection was accepted: older ones own it no more
    seen_at         timestamptz(3),
    degraded_at     timestamptz(3),                    -- degraded is said at most once a minute
    streams         integer not null default 0,        -- number of the newest stream
    last_outcome    text,
    anomalies       integer not null default 0,
    profile         bytea,                             -- the candidate's voice, from earlier windows; dies with the meeting
    claimed_at      timestamptz(3),                    -- when a window of this participant was last claimed: turns are taken by it
    primary key (meeting, participant),
    unique (meeting, external_id)
);
comment on table participants is 'Somebody in a meeting: presence, ownership of the live connection, and what is expected of the room.';
create index participants_node on participants (node) where node is not null;

create table proctors (
    meeting    text not null references meetings on delete cascade,
    proctor    text not null check (proctor ~ '^[0-9A-Za-z_-]{1,64}$'),
    name       text not null,
    created_at timestamptz(3) not null default now(),
    revoked_at timestamptz(3),
    primary key (meeting, proctor)
);
comment on table proctors is 'Proctors invited by name; holders of the admin_id need no row.';

create table streams (
    meeting        text not null,
    participant    text not null,
    stream         integer not null check (stream >= 1),
    created_at     timestamptz(3) not null default now(),
    -- from here on: what resuming needs, written in the transaction that stores a window or a part
    resume_offset  bigint not null default 0,          -- the byte from which the sender sends again
    resume_samples bigint not null default 0,          -- samples decoded before that byte, without lost time
    mpeg_version   smallint,                           -- 10, 20 or 25; null until a frame was seen
    sample_rate    integer,
    channels       smallint,
    next_window    integer not null default 0,         -- number of the open window
    next_start     bigint not null default 0,          -- nominal first sample of the open window, in media time
    lost_ms        bigint not null default 0,          -- sound that never came, in all
    anchor_at      timestamptz(3),                     -- wall clock at media time 0: smallest (arrival - media time)
    credit_ms      bigint,                             -- media that may still come at once; null: all of it
    credit_at      timestamptz(3),                     -- when credit_ms was right
    generation     bigint not null default 0,          -- of the participant when the stream was last opened: its owner
    -- the end
    finished_at    timestamptz(3),
    total_bytes    bigint,                             -- length of the finished stream
    primary key (meeting, participant, stream),
    foreign key (meeting, participant) references participants on delete cascade
);
comment on table streams is 'One continuous recording of a candidate, with the state from which any node can resume it.';

create table parts (
    meeting      text not null,
    participant  text not null,
    stream       integer not null,
    object       text not null,                        -- in the clip store: the bytes from the stream's resume_offset on
    bytes        bigint not null,
    generation   bigint not null,                      -- of the connection that left it
    left_at      timestamptz(3) not null default now(), -- nobody took it up within 60 s: it becomes a short window
    primary key (meeting, participant, stream),
    foreign key (meeting, participant, stream) references streams on delete cascade
);
comment on table parts is 'The bytes of an unfinished window that a broken connection left behind.';
create index parts_due on parts (left_at);

create table windows (
    meeting         text not null,
    participant     text not null,
    stream          integer not null,
    number          integer not null check (number >= 0),
    start_ms        bigint not null,                   -- media time
    duration_ms     integer not null,
    start_at        timestamptz(3) not null,           -- wall clock: the stream's anchor + start_ms
    clip            text,                              -- its id on the wire; null once the clip is to be deleted
    clip_bytes      integer not null,
    fingerprint     bytea not null,                    -- SHA-256 of the clip's bytes
    sample_rate     integer not null,
    samples         integer not null,                  -- of the window, without the lead-in
    lead_in_samples integer not null,                  -- to discard after decoding
    stored_at       timestamptz(3) not null default now(),
    -- the verdict; outcome is null while it waits
    outcome         text check (outcome in ('clean', 'silent', 'unclear', 'multiple_voices', 'voice_changed', 'failed')),
    voices          smallint,
    confidence      real,
    other_ms        integer,                           -- speech of everyone but the main voice
    speech_ms       integer[],                         -- per voice
    turns           jsonb,                             -- [[start_ms, end_ms, speaker], …]
    reason          text,
    engine          text,
    judged_at       timestamptz(3),
    -- the queue
    attempts        smallint not null default 0,
    lease           bigint not null default 0,         -- raised by every claim: a verdict under an older lease is void
    leased_by       text,
    leased_until    timestamptz(3),
    primary key (meeting, participant, stream, number),
    foreign key (meeting, participant, stream) references streams on delete cascade
);
comment on table windows is '60 s of one stream: where its clip is, what was heard, and its place in the analysis queue.';
create index windows_waiting on windows (meeting, participant, stream, number) where outcome is null;
create index windows_clip on windows (meeting, clip) where clip is not null;

create table anomalies (
    meeting     text not null,
    anomaly     text not null,
    participant text not null,
    kind        text not null check (kind in ('multiple_voices', 'voice_changed')),
    state       text not null default 'open' check (state in ('open', 'confirmed', 'dismissed')),
    opened_at   timestamptz(3) not null,               -- start of its first window
    last_at     timestamptz(3) not null,               -- end of its last window
    count       integer not null,
    summary     text not null,
    evidence    jsonb not null,                        -- as on the wire, oldest first
    reviewed    boolean not null default false,        -- reviewed once: grows no more, even if the review was withdrawn
    review      jsonb,                                 -- the last one, as on the wire
    primary key (meeting, anomaly),
    foreign key (meeting, participant) references participants on delete cascade
);
comment on table anomalies is 'What a proctor should look at.';
create index anomalies_growing on anomalies (meeting, participant, kind, opened_at desc);

create table reviews (
    meeting     text not null,
    key         text not null,                         -- the client's UUID: saying it again changes nothing
    anomaly     text not null,
    decision    text not null check (decision in ('confirmed', 'dismissed', 'open')),
    note        text,
    by          text not null,
    at          timestamptz(3) not null default now(),
    event       bigint not null,                       -- the event that told it
    primary key (meeting, key),
    foreign key (meeting, anomaly) references anomalies on delete cascade
);
comment on table reviews is 'Every decision of every proctor; the last one counts, none is forgotten.';

create table events (
    meeting     text not null references meetings on delete cascade,
    id          bigint not null,
    kind        text not null,
    at          timestamptz(3) not null default now(),
    participant text,
    name        text,                                  -- the participant's, as it was
    body        jsonb not null default '{}',           -- the kind's own fields, as on the wire
    primary key (meeting, id)
);
comment on table events is 'The meeting''s channel. Ids count 1, 2, 3 … under the meeting''s row lock: commit order is id order.';
create index events_age on events (at);

create table deletions (
    meeting      text not null,
    object       text not null,                        -- in the clip store
    requested_at timestamptz(3) not null default now(),
    due_at       timestamptz(3) not null default now(),
    attempts     integer not null default 0,
    primary key (meeting, object)
);
comment on table deletions is 'Objects to delete, written with what made them needless; any sweeper carries them out. Outlives its meeting.';
create index deletions_due on deletions (due_at);

create table audit (
    meeting text not null references meetings on delete cascade,
    id      bigint generated always as identity,
    at      timestamptz(3) not null default now(),
    who     text not null,
    action  text not null,                             -- clip_played, clip_linked, link_played, participant_revoked …
    subject text,
    address text,
    primary key (meeting, id)
);
comment on table audit is 'Who heard or changed what.';

create table webhook_cursors (
    meeting    text not null references meetings on delete cascade,
    webhook    text not null,
    event      bigint not null default 0,              -- the last event delivered
    changed_at timestamptz(3) not null default now(),
    primary key (meeting, webhook)
);
comment on table webhook_cursors is 'How far each webhook has been told the events of a meeting.';

create table nodes (
    id         text primary key,
    seen_at    timestamptz(3) not null default now(),  -- written every 5 s; silent for 15 s: its candidates are lost
    started_at timestamptz(3) not null default now()
);
comment on table nodes is 'The processes that hold candidates'' sockets. The one table that belongs to no meeting.';
