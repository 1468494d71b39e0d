/**
 * Session descriptions (RFC 8866) and offer/answer (RFC 3264) for a relay that stands between two phones. Pure functions; text in, text out.
 *
 *     phone A ── offer ──▶ parseSdp ▶ pickOffer ▶ relayOffer ▶ writeOffer ── our offer ──▶ phone B
 *     phone A ◀─ our answer ── writeAnswer ◀ relayAnswer ◀ pickAnswer ◀ parseSdp ◀── answer ── phone B
 *                                    payloadMap, flows ▶ how the media plane is wired
 */
export { agreedFormats, bridgeAnswer, bridgeOf, bridgeOffer, leastCost, type Bridge } from './sdp/bridge';
export { codecKey, isVoice, ownOffer, sameCodecs } from './sdp/codecs';
export { keyLength, type CryptoLine } from './sdp/crypto';
export { agree, answerKeys, newKeys, offerKeys, otherProfile, sameKeys, type Keys, type Profile } from './sdp/keys';
export { both, learn, receives, reverse, sends } from './sdp/direction';
export { SdpError, type Codec, type Direction, type Family, type MediaAddress, type SdpErrorCode, type SessionDescription, type SrtpPolicy, type StreamDescription } from './sdp/model';
export { flows, isSecure, payloadMap, pickAnswer, pickOffer, relayAnswer, relayOffer, sameDescription, type Numbers, type OfferedKeys, type Picked } from './sdp/negotiate';
export { defaultSdpLimits, parseSdp, type SdpLimits } from './sdp/parse';
export { audioOf, beforeAnswer, codecNameOf, events, spoken, type Agreement } from './sdp/sound';
export { formatsOf, terminate, terminateAnswer, terminateOffer, type Terminated, type TerminateOptions } from './sdp/terminate';
export { abandon, newLocal, renumber, writeAnswer, writeOffer, type AudioSpec, type LocalState, type Written } from './sdp/write';
