/** Pure: a recording as a row of bars. */

/**
 * The loudest of each of `columns` stretches, 0 to 1 of the loudest of all. `samples` is one channel, `fromMs` to `toMs`
 * the part that is wanted, at `rate` samples a second; what lies outside of the samples is silence.
 */
export function peaksOf(
  samples: Float32Array,
  rate: number,
  fromMs: number,
  toMs: number,
  columns: number,
): Float32Array {
  const peaks = new Float32Array(columns);
  const first = (fromMs * rate) / 1000;
  const step = ((toMs - fromMs) * rate) / 1000 / columns;
  let loudest = 0;
  for (let column = 0; column < columns; column += 1) {
    const end = Math.min(samples.length, Math.floor(first + (column + 1) * step));
    let peak = 0;
    for (let at = Math.max(0, Math.floor(first + column * step)); at < end; at += 1) {
      const size = Math.abs(samples[at]!);
      if (size > peak) peak = size;
    }
    peaks[column] = peak;
    if (peak > loudest) loudest = peak;
  }
  // Below -60 dBFS there is nothing to see: noise blown up to full height would look like speech.
  if (loudest < 0.001) return peaks.fill(0);
  return peaks.map((peak) => peak / loudest);
}
