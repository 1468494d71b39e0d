/** The top Via of a request that arrives: RFC 3261 §18.2.1, RFC 3581 §4. */
import { parseMessage } from '../../../../signaling/engine/wire/parser';
import type { SipRequest } from '../../../../signaling/engine/wire/message';
import { stampVia } from '../../../../signaling/engine/transport/via-stamp';
import { options, wire } from './support';

const source = { address: '192.0.2.7', port: 40_312 };

function stamped(via: string, from = source, extra: string[] = []): string[] {
  const request = parseMessage(Buffer.from(options(via, extra)), wire) as SipRequest;
  stampVia(request, from);
  return request.headers.getAll('via');
}

describe('stamping', () => {
  test.each([
    ['rport filled in where it stands', 'SIP/2.0/UDP 192.0.2.7:5060;rport;branch=z9hG4bK1', 'SIP/2.0/UDP 192.0.2.7:5060;rport=40312;branch=z9hG4bK1'],
    ['rport at the end', 'SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1;rport', 'SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1;rport=40312'],
    ['rport that was not asked for is appended', 'SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1', 'SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1;rport=40312'],
    ['a value that the client made up is replaced', 'SIP/2.0/UDP 192.0.2.7;rport=99;branch=z9hG4bK1', 'SIP/2.0/UDP 192.0.2.7;rport=40312;branch=z9hG4bK1'],
    ['received when the host differs', 'SIP/2.0/UDP 10.0.0.7:5060;branch=z9hG4bK1', 'SIP/2.0/UDP 10.0.0.7:5060;branch=z9hG4bK1;received=192.0.2.7;rport=40312'],
    ['received for a name', 'SIP/2.0/TCP phone.invalid;rport;branch=z9hG4bK1', 'SIP/2.0/TCP phone.invalid;rport=40312;branch=z9hG4bK1;received=192.0.2.7'],
    ['a received that the client made up is replaced', 'SIP/2.0/UDP 10.0.0.7;received=203.0.113.1;branch=z9hG4bK1', 'SIP/2.0/UDP 10.0.0.7;branch=z9hG4bK1;received=192.0.2.7;rport=40312'],
    ['... or removed', 'SIP/2.0/UDP 192.0.2.7;received=203.0.113.1;branch=z9hG4bK1', 'SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1;rport=40312'],
    ['spelling and spaces are kept', 'SIP / 2.0 / UDP  10.0.0.7 : 5060 ; Rport ;branch=z9hG4bK1', 'SIP / 2.0 / UDP  10.0.0.7 : 5060 ;rport=40312;branch=z9hG4bK1;received=192.0.2.7'],
    ['parameters that only look like it are left alone', 'SIP/2.0/UDP 192.0.2.7;xrport;rport-x=1;branch=z9hG4bKrport', 'SIP/2.0/UDP 192.0.2.7;xrport;rport-x=1;branch=z9hG4bKrport;rport=40312'],
    ['quoted text is never rewritten', 'SIP/2.0/UDP 10.0.0.7;x=";rport;received=1";rport;branch=z9hG4bK1', 'SIP/2.0/UDP 10.0.0.7;branch=z9hG4bK1;rport=40312;received=192.0.2.7;x=";rport;received=1"'],
    ['quoted text, same host', 'SIP/2.0/UDP 192.0.2.7;x="a";received=1.2.3.4', 'SIP/2.0/UDP 192.0.2.7;rport=40312;x="a"'],
  ])('%s', (_what, via, expected) => {
    expect(stamped(via)).toEqual([expected]);
  });

  test('only the top Via is touched, on a line of its own or not', () => {
    const below = 'SIP/2.0/UDP 10.9.9.9;rport;branch=z9hG4bK0';
    expect(stamped('SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1', source, [`Via: ${below}`])).toEqual(['SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1;rport=40312', below]);
    expect(stamped(`SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1 , ${below}`)).toEqual([`SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1;rport=40312, ${below}`]);
  });

  test('IPv6: compared without brackets, written without zone', () => {
    expect(stamped('SIP/2.0/UDP [2001:db8::7]:5060;branch=z9hG4bK1', { address: '2001:db8::7', port: 5060 })).toEqual(['SIP/2.0/UDP [2001:db8::7]:5060;branch=z9hG4bK1;rport=5060']);
    expect(stamped('SIP/2.0/UDP [2001:DB8::7];branch=z9hG4bK1', { address: '2001:db8::7', port: 5060 })).toEqual(['SIP/2.0/UDP [2001:DB8::7];branch=z9hG4bK1;rport=5060']);
    expect(stamped('SIP/2.0/UDP phone;branch=z9hG4bK1', { address: 'fe80::1%eth0', port: 5060 })).toEqual(['SIP/2.0/UDP phone;branch=z9hG4bK1;received=fe80::1;rport=5060']);
  });
});
