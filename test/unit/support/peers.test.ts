import { missing, peerPath, type Probe } from '../../support/peers';

const probe = (found: string[], netns?: string): Probe => ({
  find: (binary) => (found.includes(binary) ? `/usr/bin/${binary}` : undefined),
  netnsRefusal: () => netns,
});

describe('what a suite needs from this machine', () => {
  it('finds nothing missing when every program is there', () => {
    expect(missing(['linphone', 'sipp'], probe(['linphonec', 'sipp']))).toBeUndefined();
  });

  it('names the program and the package that brings it', () => {
    expect(missing(['linphone', 'baresip'], probe(['linphonec']))).toBe('baresip is not installed (Debian package baresip-core)');
  });

  it('names all that is missing, and why namespaces cannot be made', () => {
    expect(missing(['sipp', 'netns'], probe([], 'network namespaces cannot be made here (Operation not permitted)'))).toBe(
      'sipp is not installed (Debian package sip-tester); network namespaces cannot be made here (Operation not permitted)',
    );
  });

  it('gives the path of a program, or says which package is missing', () => {
    expect(peerPath('sipp', probe(['sipp']))).toBe('/usr/bin/sipp');
    expect(() => peerPath('sipp', probe([]))).toThrow('Debian package sip-tester');
  });
});
