import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { missing, peerPath, systemProbe, type Probe } from '../../support/peers';
import { Stage } from '../../support/stage';

const probe = (found: string[], netns?: string): Probe => ({
  find: (binary) => (found.includes(binary) ? `/usr/bin/${binary}` : undefined),
  file: (pattern) => (found.some((name) => pattern.includes(name)) ? pattern : undefined),
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

  it('knows a package without a program by a file of it', () => {
    expect(missing(['kamailio', 'kamailio-tls'], probe(['kamailio', 'tls.so']))).toBeUndefined();
    expect(missing(['kamailio-tls'], probe([]))).toBe("Kamailio's TLS is not installed (Debian package kamailio-tls-modules)");
  });

  it('finds a file in whichever folder it is', async () => {
    const stage = new Stage();
    mkdirSync(join(stage.folder, 'one'));
    mkdirSync(join(stage.folder, 'two'));
    writeFileSync(join(stage.folder, 'two', 'tls.so'), '');
    expect(systemProbe.file(`${stage.folder}/*/tls.so`)).toBe(join(stage.folder, 'two', 'tls.so'));
    expect(systemProbe.file(`${stage.folder}/*/websocket.so`)).toBeUndefined();
    expect(systemProbe.file(`${stage.folder}/none/*/tls.so`)).toBeUndefined();
    expect(systemProbe.file(`${stage.folder}/two/tls.so`)).toBe(join(stage.folder, 'two', 'tls.so'));
    await stage.close();
  });
});
