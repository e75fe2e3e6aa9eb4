/** A candidate's link and the server that a test plays. */

import { StreamSession } from "../../src/session/stream.ts";
import { Link, type LinkOptions, type LinkState } from "../../src/shell/link.ts";
import { STREAM_PROTOCOL, type ToCandidate } from "../../src/wire/messages.ts";
import { Peer } from "./peer.ts";

/** A candidate's session, its link, and the server that a test plays; all is gone after the test. */
export async function connected(
  options: Partial<LinkOptions<ToCandidate>> = {},
  keepMs?: number,
): Promise<{
  peer: Peer;
  session: StreamSession;
  link: Link<ToCandidate>;
  states: LinkState[];
  [Symbol.asyncDispose](): Promise<void>;
}> {
  const peer = await Peer.listening();
  const session = new StreamSession("token", keepMs === undefined ? {} : { keepMs });
  const states: LinkState[] = [];
  const link = new Link(session, {
    server: peer.url,
    path: "/stream",
    protocol: STREAM_PROTOCOL,
    random: () => 0,
    onState: (state) => states.push(state),
    ...options,
  });
  link.start();
  return {
    peer,
    session,
    link,
    states,
    [Symbol.asyncDispose]: async () => {
      link.stop();
      peer.close();
    },
  };
}
