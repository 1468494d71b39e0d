export class Resampler {
  private last = 0;
  constructor(private from: number, private to: number) {}
  process(i: Int16Array, n: number, o: Int16Array): number {
    const m = Math.floor((n * this.to) / this.from);
    for (let k = 0; k < m; k++) { const p = (k * this.from) / this.to - 1; const a = Math.floor(p); const f = p - a; const x = a < 0 ? this.last : i[a]!; const y = i[a + 1]!; o[k] = x + (y - x) * f; }
    this.last = i[n - 1] ?? 0;
    return m;
  }
}
export class ComfortNoise {
  private level = 0;
  constructor(_rate: number, private random: () => number) {}
  update(p: Uint8Array, _n: number): void { this.level = 32768 * 10 ** (-(p[0]! & 127) / 20); }
  read(o: Int16Array, at: number, n: number): void { for (let i = 0; i < n; i++) o[at + i] = (this.random() * 2 - 1) * 1.7 * this.level; }
}
