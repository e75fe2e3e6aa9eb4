/**
 * Our driver of RealtimeKit's own script, with the mock of its servers that comes with it: signalling, and no media, so
 * that joining never ends. Who is said to be in the room by it has no `custom_participant_id`.
 */

import { setupStubs } from "@cloudflare/realtimekit/mock";
import { kit } from "../../src/room/kit.ts";

const ALLOWED = { can_produce: "ALLOWED" };
/** As "Fetch details of a preset" describes one: a host of a group call. */
const PRESET = {
  id: crypto.randomUUID(),
  name: "group_call_host",
  config: {
    max_screenshare_count: 0,
    max_video_streams: { desktop: 6, mobile: 4 },
    media: { screenshare: { frame_rate: 5, quality: "hd" }, video: { frame_rate: 24, quality: "vga" }, audio: {} },
    view_type: "GROUP_CALL",
  },
  permissions: {
    chat: { private: {}, public: {} },
    connected_meetings: {},
    media: { audio: ALLOWED, video: ALLOWED, screenshare: { can_produce: "NOT_ALLOWED" } },
    plugins: { config: {} },
    polls: {},
    show_participant_list: true,
    waiting_room_type: "SKIP",
  },
  ui: { design_tokens: { colors: { background: {}, brand: {} } }, config_diff: {} },
};
const ANSWERS: Readonly<Record<string, object>> = {
  "participant-details": {
    success: true,
    data: {
      participant: { id: "me", name: "Ada", custom_participant_id: "p1" },
      preset: PRESET,
      meeting: { title: "Algebra" },
      socket: { base_uri: "realtime.cloudflare.com" },
    },
  },
  iceservers: { success: true, iceServers: [] },
};
const claims = btoa(
  JSON.stringify({ orgId: crypto.randomUUID(), meetingId: crypto.randomUUID(), participantId: "me" }),
);

async function visit(role: "candidate" | "proctor"): Promise<object> {
  const opened: string[] = [];
  const devices = navigator.mediaDevices;
  const open = devices.getUserMedia.bind(devices);
  const ours = (await open({ audio: true })).getAudioTracks()[0]!;
  const copies: MediaStreamTrack[] = [];
  const copy = ours.clone.bind(ours);
  ours.clone = () => {
    copies.push(copy());
    return copies.at(-1)!;
  };
  devices.getUserMedia = (asked) => {
    opened.push(Object.keys(asked ?? {}).join());
    return open(asked);
  };
  setupStubs({ peerId: "me", mockParticipants: [{ peerId: "grace", displayName: "Grace", stageStatus: 1 }] });
  const rest = globalThis.fetch;
  globalThis.fetch = async (...asked) => {
    const url = asked[0] instanceof Request ? asked[0].url : String(asked[0]);
    const answer = Object.entries(ANSWERS).find(([path]) => url.endsWith(path))?.[1];
    return answer ? Response.json(answer) : rest(...asked);
  };
  const room = { provider: "realtimekit", token: `eyJ.${claims}.x`, server: "realtime.cloudflare.com" };
  let told = 0;
  const driver = kit(room, role, { onChange: () => told++, onEnd: () => {} });
  void driver.enter();
  const expected = role === "proctor" ? 2 : 1;
  while (driver.people().length < expected || told < 2) await new Promise((done) => setTimeout(done, 20));
  const seen = [driver.people()];
  await driver.speak(ours);
  seen.push(driver.people());
  await driver.speak(null);
  seen.push(driver.people());
  await driver.show(true);
  seen.push(driver.people());
  const atOnce = [...opened];
  await driver.speak(ours);
  const late = driver.speak(ours);
  driver.leave(); // while it turns off what it had
  await late;
  return {
    seen,
    opened: atOnce,
    ours: [ours.readyState, ours.enabled],
    copies: copies.map(({ readyState }) => readyState),
  };
}

Object.assign(globalThis, { visit });
