/**
 * `offhook/client`: a phone for programs.
 *
 *     import { Phone } from 'offhook/client';
 *     const phone = await Phone.connect('1001@127.0.0.1', { password: 'secret' });
 *     phone.on('incoming', async ({ call }) => {
 *       await phone.call(call).answer();
 *       await phone.call(call).media.play('welcome.wav');
 *       await phone.call(call).hangUp();
 *     });
 *
 * Events are those of `events.ts`; a call's sound is `call.media` (`node/media/hub-types.ts`): play, record, hear frames, say frames.
 */
export type { PhoneEvent, PhoneEventName, PhoneEventOf, Party } from './events';
export type { Direction, MediaState, Quality } from './media';
export type { AudioDevice, DeviceInfo, DeviceRequest } from './node/audio/device';
export { AudioDeviceError } from './node/audio/device';
export { listDevices } from './node/audio/open';
export type { AudioHub, Frame, Levels, NodeCallMedia } from './node/media/hub-types';
export { NodePhone as Phone, type NodeCall as Call, type NodePhoneOptions as PhoneOptions } from './node/phone';
export { PhoneError, type CallInfo, type CallState, type DialOptions, type DtmfWay } from './phone-types';
