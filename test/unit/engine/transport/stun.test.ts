/** STUN beside SIP (RFC 5389, RFC 5626 §3.5.2); the addresses are those of the test vectors in RFC 5769 §2.2, §2.3. */
import { answerStun, isStun } from '../../../../signaling/engine/transport/stun';
import { closeAll, hasIPv6, options, Rig, udp4, UdpPeer, until } from './support';

afterEach(closeAll);

const transactionId = Buffer.from('b7e7a701bc34d686fa87dfae', 'hex');

function request(attributes: Buffer = Buffer.alloc(0), type = 0x0001): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(attributes.length, 2);
  head.writeUInt32BE(0x2112a442, 4);
  return Buffer.concat([head, transactionId, attributes]);
}

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

describe('the answer to a binding request', () => {
  test('XOR-MAPPED-ADDRESS, IPv4: the bytes of RFC 5769 §2.2', () => {
    const answer = answerStun(request(), { address: '192.0.2.1', port: 32853 }) as Buffer;
    expect(answer.subarray(0, 8)).toEqual(hex('0101 000c 2112a442'));
    expect(answer.subarray(8, 20)).toEqual(transactionId);
    expect(answer.subarray(20)).toEqual(hex('0020 0008 0001 a147 e112a643'));
  });

  test('IPv6: the bytes of RFC 5769 §2.3, with and without a zone', () => {
    for (const address of ['2001:db8:1234:5678:11:2233:4455:6677', '2001:db8:1234:5678:11:2233:4455:6677%eth0']) {
      const answer = answerStun(request(), { address, port: 32853 }) as Buffer;
      expect(answer.subarray(20)).toEqual(hex('0020 0014 0002 a147 0113a9faa5d3f179bc25f4b5bed2b9d9'));
    }
    const short = answerStun(request(), { address: '::1', port: 1 }) as Buffer;
    expect(short.length).toBe(44);
  });

  test('attributes that may be left aside are; others are named in a 420', () => {
    const software = hex('8022 0003 61626300');
    const username = hex('0006 0002 61620000');
    expect((answerStun(request(Buffer.concat([software, username])), { address: '192.0.2.1', port: 1 }) as Buffer).readUInt16BE(0)).toBe(0x0101);
    const refused = answerStun(request(Buffer.concat([software, hex('0003 0004 00000006')])), { address: '192.0.2.1', port: 1 }) as Buffer;
    expect(refused.readUInt16BE(0)).toBe(0x0111);
    expect(refused.includes(hex('0009 0015 00000414'))).toBe(true);
    expect(refused.includes(hex('000a 0002 0003'))).toBe(true);
    expect(refused.readUInt16BE(2)).toBe(refused.length - 20);
  });

  test.each([
    ['an indication', request(undefined, 0x0011)],
    ['a response', request(undefined, 0x0101)],
    ['a wrong length', Buffer.concat([request(), Buffer.alloc(4)])],
    ['an attribute that goes past the end', request(hex('8022 0009 61626300'))],
    ['no cookie', (() => { const data = request(); data.writeUInt32BE(1, 4); return data; })()],
    ['something short', Buffer.alloc(19)],
  ])('%s gets none', (_what, data) => {
    expect(answerStun(data, { address: '192.0.2.1', port: 1 })).toBeUndefined();
  });

  test('SIP is never taken for STUN', () => {
    expect(isStun(Buffer.from(options('SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1')))).toBe(false);
    expect(isStun(request())).toBe(true);
  });
});

describe('on the SIP port', () => {
  test('STUN and SIP side by side, IPv4 and IPv6', async () => {
    const rig = await Rig.start(hasIPv6() ? [udp4, { ...udp4, address: '::1' }] : [udp4]);
    for (const [index, { address }] of rig.points.entries()) {
      const peer = await UdpPeer.open(address);
      peer.send(request(), rig.port(index), address);
      await peer.text();
      const port = (peer.got[0]?.data.readUInt16BE(26) ?? 0) ^ 0x2112;
      expect(port).toBe(peer.port);
      peer.send(options(`SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK${index}`), rig.port(index), address);
      await rig.message(index);
    }
    expect(rig.stats).toMatchObject({ stunAnswered: rig.points.length, malformed: 0, messagesReceived: rig.points.length });
  });

  test('a flood is not answered beyond the rate of its source', async () => {
    const rig = await Rig.start([udp4], { limits: { maxRequestsPerSecond: 2 } });
    const peer = await UdpPeer.open();
    for (let n = 0; n < 10; n++) peer.send(request(), rig.port());
    peer.send(request(undefined, 0x0011), rig.port());
    await until(() => rig.stats.stunAnswered + rig.stats.malformed === 11);
    expect(rig.stats.stunAnswered).toBe(4);
  });
});
