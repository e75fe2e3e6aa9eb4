/** Who spoke when, as lanes: one a voice, each with its letter, its colour and its pattern. */

import { html, nothing, type SVGTemplateResult, svg, type TemplateResult } from "lit";
import type { Evidence } from "../wire/messages.ts";
import type { Words } from "./part.ts";
import { type Kind, type Turn, type Voice, voicesOf } from "./turns.ts";

/** Colours and patterns repeat after so many voices; letters don't. */
const LOOKS = 4;
const look = (voice: number): number => (voice % LOOKS) + 1;

const share = (ms: number, of: number): string => `${((ms / of) * 100).toFixed(3)}%`;

/** The lanes in miniature, for a card: at a glance, and described by the words beside. */
export function miniature(evidence: Evidence, kind: Kind): TemplateResult {
  const voices = voicesOf(evidence, kind).slice(0, LOOKS);
  const height = 5;
  return html`<svg
    class="miniature"
    viewBox="0 0 ${evidence.duration_ms} ${Math.max(2, voices.length) * height - 1}"
    height=${Math.max(2, voices.length) * height - 1}
    preserveAspectRatio="none"
    aria-hidden="true"
  >
    ${voices.map(({ turns }, voice) => {
      const d = turns.map(
        ({ startMs, endMs }) => `M${startMs} ${voice * height}h${endMs - startMs}v4h-${endMs - startMs}z`,
      );
      return svg`<path class="voice-${look(voice)}" d=${d.join("")} />`;
    })}
  </svg>`;
}

/** Each look's own pattern, over the colour: none, stripes, dots, bars. */
const PATTERNS: SVGTemplateResult = svg`<defs>
  <pattern id="voice-2" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
    <path class="over" d="M0 0h2v6H0z" />
  </pattern>
  <pattern id="voice-3" width="6" height="6" patternUnits="userSpaceOnUse"><circle class="over" cx="3" cy="3" r="1.3" /></pattern>
  <pattern id="voice-4" width="5" height="5" patternUnits="userSpaceOnUse"><path class="over" d="M0 0h1.6v5H0z" /></pattern>
</defs>`;

/** Full lanes. `lit` are the voices that are heard right now. */
export function lanes(
  voices: readonly Voice[],
  durationMs: number,
  lit: readonly number[],
  words: Words,
): TemplateResult {
  const { t } = words;
  return html`<div class="lanes">
    ${voices.map(
      (voice, number) => html`<div class="lane voice-${look(number)} ${lit.includes(number) ? "lit" : ""}">
        <span class="lane-label"><span class="badge">${voice.label}</span><bdi>${t.seconds(voice.speechMs)}</bdi></span>
        <svg class="lane-turns" aria-hidden="true">
          ${number === 0 ? PATTERNS : nothing}
          ${voice.turns.map((turn) => block(turn, durationMs))}
        </svg>
        ${voice.turns.length === 0 ? html`<span class="lane-note" dir=${words.dir}>${t.heardBefore}</span>` : nothing}
      </div>`,
    )}
  </div>`;
}

function block({ startMs, endMs, voice }: Turn, durationMs: number): SVGTemplateResult {
  const [x, width] = [share(startMs, durationMs), share(endMs - startMs, durationMs)];
  const over =
    look(voice) > 1
      ? svg`<rect x=${x} y="3" width=${width} height="14" rx="2.5" fill="url(#voice-${look(voice)})" />`
      : nothing;
  return svg`<rect class="turn" x=${x} y="3" width=${width} height="14" rx="2.5" />${over}`;
}

/** The sound itself. A bar is drawn in the colour of who speaks then, in the middle of it; of two, of the less heard one. */
export function waveform(peaks: Float32Array, voices: readonly Voice[], durationMs: number): TemplateResult {
  const paths = new Map<number, string>();
  const step = durationMs / peaks.length;
  peaks.forEach((peak, column) => {
    const middle = (column + 0.5) * step;
    const who = voices.findLastIndex(({ turns }) =>
      turns.some((turn) => turn.startMs <= middle && middle < turn.endMs),
    );
    const height = Math.max(0.6, peak * 29);
    paths.set(who, `${paths.get(who) ?? ""}M${column + 0.12} ${30 - height}h.76v${2 * height}h-.76z`);
  });
  return html`<svg class="waveform" viewBox="0 0 ${peaks.length} 60" preserveAspectRatio="none" aria-hidden="true">
    ${[...paths].map(([who, d]) => svg`<path class=${who < 0 ? "rest" : `voice-${look(who)}`} d=${d} />`)}
  </svg>`;
}

/** Marks of the time below: every so many seconds that five to eight fit. */
export function timeAxis(durationMs: number, { t }: Words): TemplateResult {
  const step = [5, 10, 15, 30, 60].find((seconds) => durationMs / 1000 / seconds <= 6) ?? 120;
  const marks: number[] = [];
  for (let at = 0; at * 1000 <= durationMs - step * 300; at += step) marks.push(at * 1000);
  return html`<svg class="time-axis" aria-hidden="true">
    ${marks.map((at) => svg`<text x=${share(at, durationMs)} y="11">${t.position(at)}</text>`)}
  </svg>`;
}

/** All turns in words, each of which plays from there. */
export function turnList(
  turns: readonly Turn[],
  voices: readonly Voice[],
  { t }: Words,
  play: (turn: Turn) => void,
): TemplateResult {
  return html`<details class="turns">
    <summary>${t.turnList(turns.length)}</summary>
    <ol>
      ${turns.map(
        (turn) => html`<li>
          <button type="button" class="turn-button" @click=${() => play(turn)}>
            <span class="badge voice-${look(turn.voice)}">${voices[turn.voice]!.label}</span>
            <span dir="ltr">${t.position(turn.startMs)}</span>
            <span class="quiet">${t.seconds(turn.endMs - turn.startMs)}</span>
          </button>
        </li>`,
      )}
    </ol>
  </details>`;
}
