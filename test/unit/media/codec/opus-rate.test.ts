import { OpusRate } from '../../../../media/codec/opus/rate';

const settings = { bitrate: 32_000, maxBitrate: 48_000, fec: true };

describe('loss', () => {
  test('calls for copies at once, and for none when it has been over for a few reports', () => {
    const rate = new OpusRate(settings);
    expect([rate.bitrate, rate.lossPercent]).toEqual([32_000, 0]);
    rate.reported(0.1, null);
    expect([rate.bitrate, rate.lossPercent]).toEqual([48_000, 10]);
    rate.reported(0, null);
    expect([rate.bitrate, rate.lossPercent]).toEqual([48_000, 7]);
    for (let i = 0; i < 10; i++) rate.reported(0, null);
    expect([rate.bitrate, rate.lossPercent]).toEqual([32_000, 0]);
  });

  test('costs nothing where the far end wants no copies', () => {
    const rate = new OpusRate({ ...settings, fec: false });
    rate.reported(0.2, 50);
    expect(rate.bitrate).toBe(32_000);
  });

  test.each([-1, 7, Number.NaN, Number.POSITIVE_INFINITY])('a report of %d is taken as far as it makes sense', (fraction) => {
    const rate = new OpusRate(settings);
    rate.reported(fraction, fraction);
    expect(rate.lossPercent).toBeGreaterThanOrEqual(0);
    expect(rate.lossPercent).toBeLessThanOrEqual(100);
    expect([32_000, 48_000]).toContain(rate.bitrate);
  });
});

describe('a way that grows longer', () => {
  test('halves the rate in two reports, never below 12 kbit/s, and gives it back', () => {
    const rate = new OpusRate(settings);
    rate.reported(0, 40);
    rate.reported(0, 400);
    rate.reported(0, 600);
    expect(rate.bitrate).toBe(Math.round(32_000 * 0.49));
    for (let i = 0; i < 20; i++) rate.reported(0.1, 900);
    expect(rate.bitrate).toBe(12_000);
    for (let i = 0; i < 20; i++) rate.reported(0, 45);
    expect(rate.bitrate).toBe(32_000);
  });

  test('a long way is not a growing one, and a little unrest is none', () => {
    const rate = new OpusRate(settings);
    for (const rttMs of [600, 620, 590, 700, 610, 850, 600]) rate.reported(0, rttMs);
    expect(rate.bitrate).toBe(32_000);
  });

  test('another, longer way is got used to', () => {
    const rate = new OpusRate(settings);
    rate.reported(0, 100);
    for (let i = 0; i < 100; i++) rate.reported(0, 260);
    expect(rate.bitrate).toBe(32_000);
  });

  test('what the far end allows is the most, also below what speech needs', () => {
    const rate = new OpusRate({ bitrate: 8000, maxBitrate: 8000, fec: true });
    for (const rttMs of [50, 800, 800, 800]) rate.reported(0.3, rttMs);
    expect(rate.bitrate).toBe(8000);
  });
});

/** A link of so many bit/s with a queue of so many ms before it; reports every 5 s of what it lost and how long the way was. Returns the loss and the way of the last 30 s. */
function overLink(linkBitrate: number, queueMs: number, adapts: boolean): { loss: number; rttMs: number } {
  const rate = new OpusRate(settings);
  const [packetBytes, ownMs] = [40, 60];
  let waiting = 0;
  let [sent, lost, allSent, allLost, ways] = [0, 0, 0, 0, 0];
  for (let tick = 1; tick <= 50 * 120; tick++) {
    const bits = rate.bitrate * 0.02 + packetBytes * 8;
    waiting = Math.max(0, waiting - linkBitrate * 0.02);
    sent++;
    if (waiting + bits > (linkBitrate * queueMs) / 1000) lost++;
    else waiting += bits;
    if (tick > 50 * 90) ways += ownMs + (waiting / linkBitrate) * 1000;
    if (tick % 250 !== 0) continue;
    rate.reported(lost / sent, adapts ? ownMs + (waiting / linkBitrate) * 1000 : null);
    if (tick > 50 * 90) [allSent, allLost] = [allSent + sent, allLost + lost];
    [sent, lost] = [0, 0];
  }
  return { loss: allLost / allSent, rttMs: ways / (50 * 30) };
}

test('on a link that is too narrow it makes itself smaller, where copies for the loss would make it worse', () => {
  const [blind, adapted] = [overLink(44_000, 800, false), overLink(44_000, 800, true)];
  expect(blind.loss).toBeGreaterThan(0.15);
  expect(blind.rttMs).toBeGreaterThan(700);
  expect(adapted.loss).toBeLessThan(0.02);
  expect(adapted.rttMs).toBeLessThan(400);
});

test('on a link that is wide enough nothing changes', () => {
  expect(overLink(100_000, 300, true)).toEqual(overLink(100_000, 300, false));
});
