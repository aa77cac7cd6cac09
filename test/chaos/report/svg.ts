/** What charts of a report share: a time axis, and SVG as text. Colours are classes, which the page has for light and dark. */
export const WIDTH = 1_200;
/** Left of it are names, right of it values. */
export const PLOT = { left: 120, right: 1_080 } as const;
const AXIS_HEIGHT = 22;
const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 14_400];
const MOST_TICKS = 14;

export class TimeAxis {
  readonly untilMs: number;

  constructor(untilMs: number) {
    this.untilMs = untilMs;
  }

  x(ms: number): number {
    const share = Math.min(1, Math.max(0, ms / this.untilMs));
    return round(PLOT.left + share * (PLOT.right - PLOT.left));
  }

  /** A band is wide enough to be seen. */
  band(fromMs: number, untilMs: number, least = 3): { readonly x: number; readonly width: number } {
    const x = this.x(fromMs);
    return { x, width: round(Math.max(least, this.x(untilMs) - x)) };
  }

  /** Lines of the grid over `height`, with times below them. */
  grid(height: number): string {
    const step = (STEPS_S.find((each) => this.untilMs / 1_000 / each <= MOST_TICKS) ?? 28_800) * 1_000;
    const ticks = Array.from({ length: Math.floor(this.untilMs / step) + 1 }, (_, index) => index * step);
    return ticks
      .map((ms) => {
        const x = this.x(ms);
        return `<line class="grid" x1="${x}" x2="${x}" y1="0" y2="${height}"/><text class="tick" x="${x}" y="${height + 15}">${clock(ms)}</text>`;
      })
      .join('');
  }
}

/** @param height without the axis */
export function chart(height: number, label: string, content: string): string {
  return `<svg viewBox="0 0 ${WIDTH} ${height + AXIS_HEIGHT}" role="img" aria-label="${escaped(label)}">${content}</svg>`;
}

/** 0:07, 12:30, 3:00:00 */
export function clock(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  const [hours, minutes] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60];
  const two = (value: number): string => String(value).padStart(2, '0');
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

export function duration(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}

export function round(value: number): number {
  return Math.round(value * 10) / 10;
}

export function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
