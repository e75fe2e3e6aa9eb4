/**
 * A room of Cloudflare RealtimeKit, or of Dyte: the same script with another domain.
 * https://developers.cloudflare.com/realtime/realtimekit/core/api-reference/
 */

import type Client from "@cloudflare/realtimekit";
import RealtimeKit, { type LeaveRoomState, type RTKParticipant } from "@cloudflare/realtimekit";
import type { RoomData } from "../wire/messages.ts";
import {
  type Driver,
  type Ears,
  type Ending,
  isProctor,
  type MakeDriver,
  type Person,
  type Role,
  sees,
} from "./driver.ts";

const ENDINGS: Partial<Record<LeaveRoomState, Ending>> = { kicked: "removed", ended: "closed", rejected: "removed" };
const OURS = ["audioUpdate", "videoUpdate"] as const;
const THEIRS = ["participantJoined", "participantLeft", "participantsUpdate", "audioUpdate", "videoUpdate"] as const;

/** Of all that their meetings can do, ours see and hear each other. */
const NOTHING_MORE = {
  ...{ chat: false, poll: false, plugin: false, recording: false, livestream: false, connectedMeetings: false },
  ...{ pip: false, tracing: false, devTools: { logs: false } },
};

class KitDriver implements Driver {
  readonly #given: RoomData;
  readonly #role: Role;
  readonly #ears: Ears;
  readonly #listened = new Set<string>();
  #client: Client | undefined;
  #voice: MediaStreamTrack | undefined;
  #left = false;

  constructor(given: RoomData, role: Role, ears: Ears) {
    this.#given = given;
    this.#role = role;
    this.#ears = ears;
  }

  async enter(): Promise<void> {
    const client = await RealtimeKit.init({
      authToken: this.#given.token ?? "",
      baseURI: this.#given.server ?? "",
      // It opens nothing by itself: the microphone is already open, the camera waits for a click.
      defaults: { audio: false, video: false },
      modules: NOTHING_MORE,
    });
    if (this.#left) return leave(client);
    this.#client = client;
    for (const event of OURS) client.self.on(event, this.#ears.onChange);
    for (const event of THEIRS) client.participants.joined.on(event, this.#ears.onChange);
    client.participants.joined.on("participantJoined", (each) => this.#decline([each]));
    client.self.on("roomLeft", ({ state }) => {
      if (!this.#left) this.#ears.onEnd(ENDINGS[state] ?? "lost");
    });
    await client.join();
    if (this.#left) return leave(client); // leaving while it joins is lost on it
    this.#decline(client.participants.joined.toArray());
  }

  people(): Person[] {
    const client = this.#client;
    if (!client) return [];
    const { self, participants } = client;
    const own: Person = {
      id: self.customParticipantId,
      name: self.name,
      proctor: this.#role === "proctor",
      self: true,
      picture: picture(self),
      voice: null,
      muted: !self.audioEnabled,
    };
    const others = participants.joined.toArray().filter((each) => sees(this.#role, idOf(each)));
    return [own, ...others.map((each) => this.#person(each))];
  }

  async speak(track: MediaStreamTrack | null): Promise<void> {
    const self = this.#client?.self;
    if (!self) return;
    if (self.audioEnabled) await self.disableAudio();
    if (this.#left) return;
    this.#voice?.stop();
    // A clone: muting or stopping it leaves the one that Undertone hears as it is, and opens no second microphone.
    const copy = track?.clone();
    this.#voice = copy;
    if (!copy) return;
    try {
      await self.enableAudio(copy);
    } catch (error) {
      copy.stop(); // a microphone is open as long as any copy of its track is
      throw error;
    }
  }

  async show(on: boolean): Promise<void> {
    const self = this.#client?.self;
    if (!self) return;
    if (!on) return self.disableVideo();
    await self.enableVideo();
    // It tells of a refusal by an event alone.
    if (!self.videoEnabled) throw new DOMException("the camera was not opened", "NotAllowedError");
  }

  listen(id: string, on: boolean): void {
    if (on) this.#listened.add(id);
    else this.#listened.delete(id);
    this.#ears.onChange();
  }

  leave(): void {
    this.#left = true;
    this.#voice?.stop();
    if (this.#client) void leave(this.#client);
  }

  /** Candidates ask not to be sent each other: what comes in is then theirs to see for whoever looks into the page. */
  #decline(those: RTKParticipant[]): void {
    const ids = those.filter((each) => !sees(this.#role, idOf(each))).map(({ id }) => id);
    if (ids.length === 0) return;
    // Refused by a server that sends to all alike: they are shown and played nowhere in any case.
    this.#client?.participants.unsubscribe(ids, ["audio", "video"]).catch(() => {});
  }

  #person(participant: RTKParticipant): Person {
    const id = idOf(participant);
    const heard = this.#role === "candidate" || this.#listened.has(id);
    return {
      id,
      name: participant.name,
      proctor: isProctor(id),
      self: false,
      picture: picture(participant),
      voice: heard && participant.audioEnabled ? (participant.audioTrack ?? null) : null,
      muted: !participant.audioEnabled,
    };
  }
}

/** Whoever leaves asks for no more; its script rejects where the line is broken already. */
const leave = (client: Client): Promise<void> => client.leave().catch(() => {});

const idOf = ({ customParticipantId, id }: RTKParticipant): string => customParticipantId ?? id;

interface Filmed {
  readonly id: string;
  readonly videoEnabled: boolean;
  registerVideoElement(element: HTMLVideoElement): void;
  deregisterVideoElement(element?: HTMLVideoElement): void;
}

function picture(who: Filmed): Person["picture"] {
  if (!who.videoEnabled) return null;
  return {
    id: who.id,
    attach: (element) => who.registerVideoElement(element),
    detach: (element) => who.deregisterVideoElement(element),
  };
}

export const kit: MakeDriver = (room, role, ears) => new KitDriver(room, role, ears);
