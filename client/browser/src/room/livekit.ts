/** A LiveKit room. https://docs.livekit.io/reference/client-sdk-js/ */

import {
  DisconnectReason,
  type LocalAudioTrack,
  type Participant,
  type RemoteTrackPublication,
  Room,
  RoomEvent,
  setLogLevel,
  Track,
  type TrackPublication,
  VideoPresets,
} from "livekit-client";
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

/** A face, legible in a tile; LiveKit sends less where less is shown. */
const PICTURE = VideoPresets.h360;
/** A line that breaks is taken up again unseen. What takes longer is said, and begins anew with a fresh token. */
const RESUMED_WITHIN_MS = 6_000;
const RETRY_MS = 500;
const CHANGES = [
  RoomEvent.ParticipantConnected,
  RoomEvent.ParticipantDisconnected,
  RoomEvent.TrackPublished,
  RoomEvent.TrackUnpublished,
  RoomEvent.TrackSubscribed,
  RoomEvent.TrackUnsubscribed,
  RoomEvent.TrackMuted,
  RoomEvent.TrackUnmuted,
  RoomEvent.LocalTrackPublished,
  RoomEvent.LocalTrackUnpublished,
] as const;
const ENDINGS: Partial<Record<DisconnectReason, Ending>> = {
  [DisconnectReason.DUPLICATE_IDENTITY]: "elsewhere",
  [DisconnectReason.PARTICIPANT_REMOVED]: "removed",
  [DisconnectReason.ROOM_DELETED]: "closed",
  [DisconnectReason.ROOM_CLOSED]: "closed",
};

class LiveKitDriver implements Driver {
  readonly #room = new Room({
    adaptiveStream: true, // what is not seen is not sent
    dynacast: true,
    videoCaptureDefaults: { resolution: PICTURE.resolution },
    reconnectPolicy: {
      nextRetryDelayInMs: ({ elapsedMs, retryCount }) =>
        elapsedMs > RESUMED_WITHIN_MS ? null : Math.random() * RETRY_MS * 2 ** retryCount,
    },
    publishDefaults: { videoEncoding: PICTURE.encoding, stopMicTrackOnMute: false },
  });
  readonly #given: RoomData;
  readonly #role: Role;
  readonly #listened = new Set<string>();
  #voice: LocalAudioTrack | undefined;
  /** A copy that the room has not taken yet; on a broken line it may never say. */
  #pending: MediaStreamTrack | undefined;
  #left = false;

  constructor(given: RoomData, role: Role, { onChange, onEnd }: Ears) {
    this.#given = given;
    this.#role = role;
    setLogLevel("silent"); // what matters is told on the page
    for (const event of CHANGES) {
      this.#room.on(event, () => {
        this.#follow();
        onChange();
      });
    }
    this.#room.on(RoomEvent.Disconnected, (why) => {
      if (!this.#left) onEnd(ENDINGS[why ?? DisconnectReason.UNKNOWN_REASON] ?? "lost");
    });
  }

  async enter(): Promise<void> {
    await this.#room.connect(this.#given.server ?? "", this.#given.token ?? "", { autoSubscribe: false });
    this.#follow();
  }

  people(): Person[] {
    const { localParticipant, remoteParticipants } = this.#room;
    const others = [...remoteParticipants.values()].filter(({ identity }) => sees(this.#role, identity));
    return [this.#person(localParticipant, true), ...others.map((each) => this.#person(each, false))];
  }

  async speak(track: MediaStreamTrack | null): Promise<void> {
    // A clone: muting or stopping it leaves the one that Undertone hears as it is, and opens no second microphone.
    const copy = track?.clone();
    this.#pending = copy;
    try {
      await this.#send(copy);
    } catch (error) {
      copy?.stop(); // a microphone is open as long as any copy of its track is
      throw error;
    }
    if (this.#left) copy?.stop();
    this.#pending = undefined;
  }

  async #send(copy: MediaStreamTrack | undefined): Promise<void> {
    const before = this.#voice;
    if (before && copy) {
      const old = before.mediaStreamTrack;
      await before.replaceTrack(copy, true);
      old.stop();
      return;
    }
    this.#voice = undefined;
    if (before) await this.#room.localParticipant.unpublishTrack(before.mediaStreamTrack, true);
    if (!copy) return;
    const { track: made } = await this.#room.localParticipant.publishTrack(copy, { source: Track.Source.Microphone });
    this.#voice = made as LocalAudioTrack;
  }

  async show(on: boolean): Promise<void> {
    await this.#room.localParticipant.setCameraEnabled(on);
  }

  listen(id: string, on: boolean): void {
    if (on) this.#listened.add(id);
    else this.#listened.delete(id);
    this.#follow();
  }

  leave(): void {
    this.#left = true;
    void this.#room.disconnect(true);
    this.#pending?.stop();
    this.#voice?.mediaStreamTrack.stop(); // it is somebody else's to LiveKit, and the last who holds it is us
  }

  /** Takes what is to be seen and heard; and lets no candidate be seen by another, which the server then holds to. */
  #follow(): void {
    const { localParticipant, remoteParticipants } = this.#room;
    for (const { identity, trackPublications } of remoteParticipants.values()) {
      for (const publication of trackPublications.values()) {
        const wanted = publication.kind === Track.Kind.Video ? sees(this.#role, identity) : this.#hears(identity);
        (publication as RemoteTrackPublication).setSubscribed(wanted);
      }
    }
    if (this.#role === "candidate") {
      const proctors = [...remoteParticipants.values()].map(({ identity }) => identity).filter(isProctor);
      localParticipant.setTrackSubscriptionPermissions(
        false,
        proctors.map((participantIdentity) => ({ participantIdentity, allowAll: true })),
      );
    }
  }

  #hears(identity: string): boolean {
    return this.#role === "candidate" ? isProctor(identity) : this.#listened.has(identity);
  }

  #person(participant: Participant, self: boolean): Person {
    const { identity, name } = participant;
    const voice = participant.getTrackPublication(Track.Source.Microphone);
    const camera = participant.getTrackPublication(Track.Source.Camera);
    return {
      id: identity,
      name: name || identity,
      proctor: isProctor(identity),
      self,
      picture: picture(camera),
      voice: self || !voice?.isSubscribed || voice.isMuted ? null : (voice.track?.mediaStreamTrack ?? null),
      muted: !voice || voice.isMuted,
    };
  }
}

function picture(camera: TrackPublication | undefined): Person["picture"] {
  const track = camera?.track;
  if (!camera || !track || camera.isMuted) return null;
  return {
    id: camera.trackSid,
    attach: (element) => void track.attach(element),
    detach: (element) => void track.detach(element),
  };
}

export const livekit: MakeDriver = (room, role, ears) => new LiveKitDriver(room, role, ears);
