/** What programs of this house need that send requests by themselves. */
export {createMessenger, type MessengerOptions} from './messenger.ts';
