/** The phone as the command needs it: `NodePhone`, or what a test has in its place. */
import type { NodePhone, NodePhoneOptions } from '../node/phone';

export type CliPhone = Pick<NodePhone, 'on' | 'call' | 'calls' | 'active' | 'hub' | 'doNotDisturb' | 'register' | 'connect' | 'openAudio' | 'dial' | 'message' | 'watch' | 'unwatch' | 'close'>;

/** As `NodePhone.create`. Errors: PhoneError 'bad-address'. */
export type MakePhone = (address: string, options: NodePhoneOptions) => Promise<CliPhone>;
