import { checkPassword, ha1, randomPassword } from '../../../signaling/credentials';
import { checkExtensionNumber } from '../../../signaling/numbers';

describe('HA1', () => {
  it('is that of the RFC examples', () => {
    // RFC 2617 §3.5: user "Mufasa", realm "testrealm@host.com", password "Circle Of Life".
    expect(ha1('Mufasa', 'testrealm@host.com', 'Circle Of Life').md5).toBe('939e7578ed9e3c518a452acee763bce9');
    // RFC 7616 §3.9.1: user "Mufasa", realm "http-auth@example.org", password "Circle of Life"; printf '%s' … | sha256sum.
    expect(ha1('Mufasa', 'http-auth@example.org', 'Circle of Life').sha256).toBe('7987c64c30e25f1b74be53f966b49b90f2808aa92faf9a00262392d7b4794232');
  });

  it('hashes the UTF-8 of a password', () => {
    expect(ha1('1001', 'offhook', 'ü').md5).toHaveLength(32);
    expect(ha1('1001', 'offhook', 'ü').md5).not.toBe(ha1('1001', 'offhook', 'u').md5);
  });
});

describe('a random password', () => {
  it('is easy to read and to type', () => {
    for (let round = 0; round < 200; round++) expect(randomPassword()).toMatch(/^([a-hjkmnp-z2-9]{6}-){2}[a-hjkmnp-z2-9]{6}$/);
  });

  it('has at least 80 bits: 18 letters of 31', () => {
    const letters = new Set(Array.from({ length: 300 }, () => randomPassword()).join('').replace(/-/g, ''));
    expect(letters.size).toBe(31);
    expect(18 * Math.log2(letters.size)).toBeGreaterThan(80);
  });

  it('comes from the source of randomness that was given, without favouring letters', () => {
    // 248 to 255 would make the first eight letters likelier: they are thrown away.
    const bytes = [255, 248, ...Array.from({ length: 30 }, (_, index) => index)];
    expect(randomPassword(() => Buffer.from(bytes))).toBe('abcdef-ghjkmn-pqrstu');
  });
});

describe('a password that a person chose', () => {
  it.each(['secret', 'päss wörd', 'x'.repeat(128)])('may be %s', (password) => {
    expect(checkPassword(password)).toBe(password);
  });

  it.each([['short', 'fewer than 6'], ['x'.repeat(129), 'more than 128'], ['line\nbreak', 'control character']])('may not be %j', (password, reason) => {
    expect(() => checkPassword(password)).toThrow(reason);
  });
});

describe('an extension number', () => {
  it.each(['10', '1001', '0700', '08000', '123456789012345', '699', '721', '7000'])('may be %s', (number) => {
    expect(checkExtensionNumber(number)).toBe(number);
  });

  it.each([
    ['1', '2 to 15 digits'],
    ['1234567890123456', '2 to 15 digits'],
    ['*43', '2 to 15 digits'],
    ['+49123', '2 to 15 digits'],
    ['ann', '2 to 15 digits'],
    ['', '2 to 15 digits'],
    ['١٢٣', '2 to 15 digits'],
    ['700', 'reserved for parking'],
    ['720', 'reserved for parking'],
    ['8000', 'reserved for the party line'],
  ])('may not be “%s”', (number, reason) => {
    expect(() => checkExtensionNumber(number)).toThrow(reason);
  });
});
