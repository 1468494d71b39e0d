/** The scripted party's voice and ears: G.711 there and back, packets counted as they are. */
import { createSocket, type Socket } from 'node:dgram';
import { hears } from '../../support/ears';
import { decode, encode, RtpParty } from '../../support/rtp-party';
import { Stage, staged } from '../../support/stage';
import { judge, tone } from '../../support/tone';
import { eventually } from '../../support/wait';

describe.each([['PCMU', 0, 0xff, 0x80], ['PCMA', 8, 0xd5, 0xaa]] as const)('%s', (_name, type, silence, loudest) => {
  test('silence, the loudest sample and a tone come back as they were', () => {
    expect([...encode(Float32Array.of(0, 1), type)]).toEqual([silence, loudest]);
    const samples = tone(700, 0.5, 8000);
    const back = decode(encode(samples, type), type);
    const worst = back.reduce((most, sample, i) => Math.max(most, Math.abs(sample - (samples[i] ?? 0))), 0);
    expect(worst).toBeLessThan(0.02);
    expect(judge({ samples: back, rate: 8000 }).share(700)).toBeGreaterThan(0.99);
  });

  test('every byte is decoded to what encodes to the same byte', () => {
    const all = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    const back = encode(decode(all, type), type);
    // µ-law has two zeros; the negative one comes back as the positive one.
    const differing = [...all].filter((byte) => back[byte] !== byte);
    expect(differing).toEqual(type === 0 ? [0x7f] : []);
  });
});

test('two parties hear each other, and every packet is counted once', ...staged(async (stage: Stage) => {
  const a = await RtpParty.open(stage, { tone: 600 });
  const b = await RtpParty.open(stage, { tone: 900, payloadType: 8 });
  a.sendTo({ address: '127.0.0.1', port: b.port });
  b.sendTo({ address: '127.0.0.1', port: a.port });
  await Promise.all([hears(a, 900, { not: [600], seconds: 0.4 }), hears(b, 600, { not: [900], seconds: 0.4 })]);
  expect(a.counts()).toMatchObject({ lost: 0, malformed: 0, payloadTypes: [8], sources: 1, from: [`127.0.0.1:${b.port}`] });
  await expect(hears(a, 600, { not: [], seconds: 0.2, waitMs: 300 })).rejects.toThrow(/did not hear 0.2 s of 600 Hz.*loudest at 900 Hz/);
}));

test('lost packets and what is no RTP are noticed, also around the wrap of the sequence number', ...staged(async (stage: Stage) => {
  const party = await RtpParty.open(stage, { tone: 600 });
  const socket: Socket = createSocket('udp4');
  stage.own({ close: () => void socket.close() });
  for (const sequence of [65534, 65535, 1, 2, 5]) {
    const packet = Buffer.alloc(172);
    packet[0] = 0x80;
    packet.writeUInt16BE(sequence, 2);
    socket.send(packet, party.port, '127.0.0.1');
  }
  socket.send('no RTP', party.port, '127.0.0.1');
  await eventually('all datagrams', () => party.counts().malformed === 1);
  expect(party.counts()).toMatchObject({ received: 5, lost: 3 });
}));
