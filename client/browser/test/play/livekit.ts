/**
 * The media half of the stand-in for LiveKit's server: a page whose own RTCPeerConnections take what is published and
 * send it to whoever subscribes. tests/standins/livekit.py hands it the frames of every client's signalling socket.
 *
 * As the server does in its protocol up to version 15, with a connection each way; livekit-client falls back to it. Of
 * https://github.com/livekit/protocol it speaks what a room of ours needs, and answers in JSON, which clients take too.
 */

import { SignalRequest, SignalTarget, type TrackInfo } from "@livekit/protocol";

interface Published {
  sid: string;
  cid: string;
  info: object;
  track: MediaStreamTrack | undefined;
}

interface Client {
  sid: string;
  identity: string;
  name: string;
  published: Map<string, Published>;
  /** Identities that may subscribe; undefined: all. */
  allowed: Set<string> | undefined;
  up: RTCPeerConnection;
  down: RTCPeerConnection;
  sent: Map<string, RTCRtpTransceiver>;
  wanted: Set<string>;
  offering: boolean;
}

/** As tokens of ours say it. */
const PERMISSION = { canSubscribe: true, canPublish: true, canPublishSources: ["CAMERA", "MICROPHONE"] };

const clients = new Map<number, Client>();
let numbers = 0;
const socket = new WebSocket(`ws://${location.host}/media-half`);

const send = (id: number, message: object): void => socket.send(JSON.stringify([id, JSON.stringify(message)]));

socket.onmessage = async ({ data }) => {
  const [id, what, given] = JSON.parse(data);
  if (what === "open") await opened(id, given);
  const client = clients.get(id);
  if (!client) return;
  if (what === "frame")
    await asked(id, client, SignalRequest.fromBinary(Uint8Array.from(atob(given), (c) => c.charCodeAt(0))));
  if (what === "remove") send(id, { leave: { reason: "PARTICIPANT_REMOVED", action: "DISCONNECT" } });
  if (what === "closed") gone(id, client);
};

function info({ sid, identity, name, published }: Client, state = "ACTIVE"): object {
  const tracks = [...published.values()].map((each) => each.info);
  return { sid, identity, name, state, tracks, permission: PERMISSION };
}

function tell(client: Client, state?: string): void {
  for (const [id, other] of clients)
    if (other !== client) send(id, { update: { participants: [info(client, state)] } });
}

function connection(id: number, target: "PUBLISHER" | "SUBSCRIBER"): RTCPeerConnection {
  const made = new RTCPeerConnection();
  made.onicecandidate = ({ candidate }) => {
    if (candidate) send(id, { trickle: { candidateInit: JSON.stringify(candidate.toJSON()), target } });
  };
  return made;
}

async function opened(id: number, who: { identity: string; name: string }): Promise<void> {
  for (const [other, { identity }] of clients) {
    if (identity === who.identity) send(other, { leave: { reason: "DUPLICATE_IDENTITY", action: "DISCONNECT" } });
  }
  numbers += 1;
  const client: Client = {
    sid: `PA_${numbers}`,
    ...who,
    published: new Map(),
    allowed: undefined,
    up: connection(id, "PUBLISHER"),
    down: connection(id, "SUBSCRIBER"),
    sent: new Map(),
    wanted: new Set(),
    offering: false,
  };
  client.up.ontrack = ({ track, transceiver }) => {
    const cid = new RegExp(`a=mid:${transceiver.mid}\\r[^]*?a=msid:\\S+ (\\S+)`).exec(
      client.up.remoteDescription!.sdp,
    )?.[1];
    for (const each of client.published.values()) if (each.cid === cid) each.track = track;
    void serveAll();
  };
  const others = [...clients.values()].map((each) => info(each));
  clients.set(id, client);
  send(id, {
    join: {
      room: { sid: "RM_1", name: "undertone" },
      participant: info(client),
      otherParticipants: others,
      serverInfo: { edition: "Standard", version: "1.5.0", protocol: 15 },
      serverVersion: "1.5.0",
      subscriberPrimary: false,
      enabledPublishCodecs: [{ mime: "video/VP8" }, { mime: "audio/opus" }],
    },
  });
  tell(client);
}

async function asked(id: number, client: Client, { message }: SignalRequest): Promise<void> {
  switch (message.case) {
    case "offer": {
      const { sdp, id: number } = message.value;
      await client.up.setRemoteDescription({ type: "offer", sdp });
      await client.up.setLocalDescription();
      send(id, { answer: { type: "answer", sdp: client.up.localDescription!.sdp, id: number } });
      await withdraw(client);
      break;
    }
    case "answer":
      await client.down.setRemoteDescription({ type: "answer", sdp: message.value.sdp });
      client.offering = false;
      await serve(id, client);
      break;
    case "trickle": {
      const { target, candidateInit } = message.value;
      const to = target === SignalTarget.PUBLISHER ? client.up : client.down;
      await to.addIceCandidate(JSON.parse(candidateInit));
      break;
    }
    case "addTrack": {
      const { cid, type, source, name, muted, width, height } = message.value;
      numbers += 1;
      const sid = `TR_${numbers}`;
      const track = { sid, type, source, name, muted, width, height } as Partial<TrackInfo>;
      client.published.set(sid, { sid, cid, info: track, track: undefined });
      send(id, { trackPublished: { cid, track } });
      tell(client);
      break;
    }
    case "mute": {
      const published = client.published.get(message.value.sid);
      if (published) published.info = { ...published.info, muted: message.value.muted };
      tell(client);
      break;
    }
    case "subscription": {
      const { trackSids, subscribe, participantTracks } = message.value;
      for (const sid of [...trackSids, ...participantTracks.flatMap((each) => each.trackSids)]) {
        if (subscribe) client.wanted.add(sid);
        else client.wanted.delete(sid);
      }
      await serve(id, client);
      break;
    }
    case "subscriptionPermission": {
      const { allParticipants, trackPermissions } = message.value;
      client.allowed = allParticipants ? undefined : new Set(trackPermissions.map((each) => each.participantIdentity));
      await serveAll();
      break;
    }
    case "leave":
      gone(id, client);
  }
}

/** What it sends no more it has unpublished. */
async function withdraw(client: Client): Promise<void> {
  const silent = client.up.getTransceivers().filter(({ currentDirection }) => currentDirection === "inactive");
  const before = client.published.size;
  for (const { sid, track } of client.published.values()) {
    if (silent.some(({ receiver }) => receiver.track === track)) client.published.delete(sid);
  }
  if (client.published.size === before) return;
  tell(client);
  await serveAll();
}

async function serveAll(): Promise<void> {
  for (const [id, client] of clients) await serve(id, client);
}

/** Sends what is wanted, allowed and there, and no more. */
async function serve(id: number, client: Client): Promise<void> {
  if (client.offering) return; // its answer comes first
  const owners = new Map<string, Client>();
  let changed = false;
  for (const owner of clients.values()) {
    for (const { sid, track } of owner.published.values()) {
      owners.set(sid, owner);
      const may = client.wanted.has(sid) && (!owner.allowed || owner.allowed.has(client.identity));
      if (may && track && !client.sent.has(sid)) {
        client.sent.set(sid, client.down.addTransceiver(track, { direction: "sendonly" }));
        changed = true;
      }
    }
  }
  for (const [sid, transceiver] of client.sent) {
    const owner = owners.get(sid);
    if (owner && client.wanted.has(sid) && (!owner.allowed || owner.allowed.has(client.identity))) continue;
    transceiver.stop();
    client.sent.delete(sid);
    changed = true;
  }
  if (!changed) return;
  client.offering = true;
  await client.down.setLocalDescription();
  let { sdp } = client.down.localDescription!;
  for (const [sid, { mid }] of client.sent) {
    const named = new RegExp(`(a=mid:${mid}\\r[^]*?a=msid:)\\S+ \\S+`);
    sdp = sdp.replace(named, `$1${owners.get(sid)!.sid}|${sid} ${sid}`);
  }
  send(id, { offer: { type: "offer", sdp } });
}

function gone(id: number, client: Client): void {
  if (!clients.delete(id)) return;
  client.up.close();
  client.down.close();
  tell(client, "DISCONNECTED");
}

/** What tests look at: who is sent what of whom. */
Object.assign(globalThis, {
  forwarded: () =>
    [...clients.values()].flatMap((to) =>
      [...clients.values()].flatMap((from) =>
        [...from.published.values()]
          .filter(({ sid }) => to.sent.has(sid))
          .map(({ track }) => `${from.identity} ${track!.kind} > ${to.identity}`),
      ),
    ),
  published: () =>
    [...clients.values()].map(({ identity, published }) => [
      identity,
      [...published.values()].filter(({ track }) => track).map(({ track }) => track!.kind),
    ]),
});
