import type {PublishOptions} from '../../connect/types.ts';
import {notesWanted} from '../../protocol/index.ts';

/** Beside a request: servers of this program say when they will not answer. A broker without headers carries the request alone. */
export const noteWish: PublishOptions = {headers: notesWanted, headersOptional: true};
