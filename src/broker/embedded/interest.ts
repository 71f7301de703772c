/**
 * The embedded engine's own listener on the subject of the interest service.
 *
 * It stands in the account's subscriptions like a connection, so that routing needs nothing special. The answer goes to the connection that
 * asked and to nobody else, so a reply subject cannot be used to make the broker speak where the asker may not.
 */
import {errorMessage} from '../../lib/errors.ts';
import {
  decodeInterestQuery,
  encodeInterestAnswer,
  encodeInterestFailure,
  interestSubject,
  ProtocolError,
} from '../../protocol/index.ts';
import {answerFrom, type Listening, readSubjects} from '../interest/answer.ts';
import type {Account} from './account.ts';
import type {ClientConnection} from './client.ts';
import {listenInAccount} from './responder.ts';

/** Starts the service in one account; it lives as long as the account. */
export function listenForInterest(account: Account, clients: () => Iterable<ClientConnection>): void {
  listenInAccount(account, [interestSubject], ({body}) => answerInterest(body, {account, clients}));
}

interface Place {
  readonly account: Account;
  readonly clients: () => Iterable<ClientConnection>;
}

function answerInterest(question: Buffer, place: Place): Buffer {
  try {
    const query = decodeInterestQuery(question);
    return encodeInterestAnswer(
      answerFrom(query, {listeners: listenersOf(place, query.collective), complete: true, brokers: 1}),
      query,
    );
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return encodeInterestFailure(errorMessage(error));
  }
}

function* listenersOf(place: Place, collective: string): Iterable<Listening> {
  for (const client of place.clients()) {
    if (client.account !== place.account || client.isClosing) continue;
    const listening = readSubjects(subjectsOf(client), collective);
    if (listening !== undefined) yield listening;
  }
}

/** As text again: subscriptions hold one character for each byte. */
function* subjectsOf(client: ClientConnection): Iterable<string> {
  for (const {subject} of client.subscriptions.values()) {
    yield isAscii.test(subject) ? subject : Buffer.from(subject, 'latin1').toString('utf8');
  }
}

const isAscii = /^[ -~]*$/;
