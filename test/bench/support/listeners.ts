/**
 * Phones that listen: each registers with us, is called by us directly, answers, and writes down what its user would hear. Whoever is to be
 * compared is one entry here.
 */
import { join } from 'node:path';
import { createMediaPlane, type MediaPlane } from '../../../media/plane';
import type { SipRequest } from '../../../signaling/engine/wire/message';
import { Baresip } from '../../support/baresip';
import { Child } from '../../support/child';
import { Linphone } from '../../support/linphone';
import { missing } from '../../support/peers';
import type { Codec, Phone, PhoneOptions } from '../../support/phone';
import { audioTarget } from '../../support/sdp-text';
import { SipPeer, type Heard } from '../../support/sip-peer';
import type { Stage } from '../../support/stage';
import { eventually } from '../../support/wait';
import { readWav, type Recording } from '../../support/wav';

export type ListenerOptions = Pick<PhoneOptions, 'server' | 'user' | 'password' | 'codecs' | 'tone' | 'toneSeconds'>;

export interface Listener extends Pick<Phone, 'ringing' | 'answer' | 'close'> {
  /** All of the call, once it is over. */
  heard(): Recording;
}

export interface ListenerKind {
  name: string;
  /** undefined: it is here. */
  missing(): string | undefined;
  start(stage: Stage, options: ListenerOptions): Promise<Listener>;
}

/** `offhook phone`, as it is built: what `npx offhook` runs. */
class OurPhone implements Listener {
  private constructor(
    private readonly child: Child,
    private readonly file: string,
  ) {}

  static async start(stage: Stage, { server, user, password, codecs }: ListenerOptions): Promise<OurPhone> {
    const folder = stage.path(`offhook-${user}`);
    const file = `${folder}-heard.wav`;
    const program = join(__dirname, '../../../signaling/cli/offhook.js');
    const ports = await stage.ports(4);
    const args = ['phone', `${user}@${server}`, '--password', password, '--json', '--audio', 'none', '--srtp', 'off', '--rtp-ports', `${ports.first}-${ports.last}`, '--answer', '--record', file, '--data', folder];
    const child = new Child(`offhook ${user}`, process.execPath, [program, ...args, ...(codecs ? ['--codecs', codecs.join(',')] : [])]);
    return stage.own(new OurPhone(child, file));
  }

  /** It answers by itself. */
  async ringing(): Promise<void> {
    await this.child.waitFor(/"event":"incoming"/, 15_000);
  }

  async answer(): Promise<void> {
    await this.child.waitFor(/"event":"answered"/, 15_000);
  }

  heard(): Recording {
    return readWav(this.file);
  }

  report(): string {
    return this.child.tail(20);
  }

  async close(): Promise<void> {
    await this.child.stop('SIGTERM', 4000);
  }
}

/** The receive side alone, as server and phone share it: our media plane behind just enough SIP. */
class OurMedia implements Listener {
  private invite: Heard<SipRequest> | undefined;

  private constructor(
    private readonly sip: SipPeer,
    private readonly plane: MediaPlane,
    private readonly codec: Codec,
    private readonly file: string,
  ) {}

  static async start(stage: Stage, { server, user, codecs }: ListenerOptions): Promise<OurMedia> {
    const sip = await SipPeer.udp({ host: '127.0.0.1', port: Number(server.split(':')[1]) });
    const ports = await stage.ports(4);
    const plane = await createMediaPlane({ portMin: ports.first, portMax: ports.last, workers: 1, bind4: '127.0.0.1', bind6: null, drainMs: 0, silenceMs: 0 });
    sip.send(sip.request('REGISTER', `sip:${server}`, { headers: { Contact: `<sip:${user}@127.0.0.1:${sip.port}>` } }));
    return stage.own(new OurMedia(sip, plane, codecs?.[0] ?? 'PCMU', `${stage.path(`media-${user}`)}.wav`));
  }

  async ringing(): Promise<void> {
    this.invite = await this.sip.getRequest('INVITE', 15_000);
  }

  async answer(): Promise<void> {
    const { sip, plane, codec } = this;
    const invite = this.invite!;
    const offer = invite.message.body.toString();
    const payloadType = Number(/^m=audio \d+ \S+ (\d+)/m.exec(offer)?.[1]);
    const { id, rtpPort } = await plane.allocate({ session: 'call', family: 4, label: 'listener' });
    await plane.setRemote(id, audioTarget(offer));
    await plane.setAudio(id, { send: { codec, payloadType, ptimeMs: 20 }, receive: [{ codec, payloadType }], telephoneEvent: null, comfortNoise: null });
    const recorded = plane.record({ endpoint: id }, { file: this.file });
    sip.reply(invite, 200, { body: offer.replace(/^m=audio \d+/m, `m=audio ${rtpPort}`) });
    void (async () => {
      const bye = await sip.getRequest('BYE', 600_000);
      await plane.stopRecording(this.file);
      await recorded;
      sip.reply(bye, 200);
    })().catch(() => undefined);
  }

  heard(): Recording {
    return readWav(this.file);
  }

  async close(): Promise<void> {
    await this.plane.close();
    await this.sip.close();
  }
}

export const ourMedia: ListenerKind = { name: 'Offhook (media)', missing: () => undefined, start: (stage, options) => OurMedia.start(stage, options) };

/** Beside each other, where they are installed. */
export const listeners: readonly ListenerKind[] = [
  { name: 'Offhook', missing: () => undefined, start: (stage, options) => OurPhone.start(stage, options) },
  { name: 'Linphone', missing: () => missing(['linphone']), start: (stage, options) => Linphone.start(stage, options) },
  { name: 'baresip', missing: () => missing(['baresip']), start: (stage, options) => Baresip.start(stage, options) },
];

/** When the recording does not grow any more. Errors: `Error` when there is none after eight seconds. */
export async function finished(listener: Listener, name: string): Promise<Recording> {
  let before = -1;
  return eventually(`${name} to have recorded something`, () => {
    const recording = listener.heard();
    const same = recording.samples.length === before && before > 0;
    before = recording.samples.length;
    return same ? recording : undefined;
  }, 8000, 400);
}
