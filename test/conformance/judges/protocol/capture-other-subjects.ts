/** Messages that are no requests: events on their subjects, submissions with their headers and signatures. */
import {readToken, verifyEd25519} from '../../../../src/crypto/index.ts';
import {
  isPublishSubject,
  lifecycleSubject,
  machineTransitionSubject,
  machineWatcherSubject,
  openTransport,
  ProtocolError,
  submissionSubject,
} from '../../../../src/protocol/index.ts';
import {type CaseResult, type Judge, judgeEqual} from '../../judge.ts';

interface Message {
  readonly subject: string;
  readonly payload: string;
  readonly nats_headers?: Readonly<Record<string, readonly string[]>>;
}

interface CloudEvent {
  readonly specversion: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string;
  readonly time: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** The subject on which an event of this type belongs. */
function eventSubject(event: CloudEvent): string {
  const lifecycle = /^io\.choria\.lifecycle\.v1\.(\w+)$/.exec(event.type)?.[1];
  if (lifecycle !== undefined) return lifecycleSubject(lifecycle, String(event.data['component']));
  const watcher = /^io\.choria\.machine\.watcher\.(\w+)\.v1\.state$/.exec(event.type)?.[1];
  if (watcher !== undefined) return machineWatcherSubject(watcher);
  return event.type === 'io.choria.machine.v1.transition' ? machineTransitionSubject : `unknown type ${event.type}`;
}

function judgeEvent(name: string, message: Message): CaseResult {
  const event = JSON.parse(message.payload) as CloudEvent;
  return judgeEqual(
    name,
    {subject: message.subject, specversion: '1.0', protocol: event.type, identity: event.subject, hasTime: true},
    {
      subject: eventSubject(event),
      specversion: event.specversion,
      protocol: event.data['protocol'],
      identity: event.data['identity'],
      hasTime: Number.isFinite(Date.parse(event.time)),
    },
  );
}

function judgeSubmission(name: string, message: Message): CaseResult {
  const header = (key: string): string | undefined => message.nats_headers?.[key]?.[0];
  const [collective = '', , , ...rest] = message.subject.split('.');
  const signature = header('Choria-Signature');
  const token = header('Choria-Token');
  const key = token === undefined ? undefined : readToken(token).publicKey;
  const proof = {message: Buffer.from(message.payload, 'utf8'), signature: Buffer.from(signature ?? '', 'hex')};
  return judgeEqual(
    name,
    {subject: message.subject, signed: signature !== undefined, named: true, created: true},
    {
      subject: submissionSubject(collective, rest.join('.')),
      signed: key !== undefined && verifyEd25519(key, proof),
      named: (header('Choria-Identity') ?? '') !== '' && (header('Nats-Msg-Id') ?? '') !== '',
      created: /^\d{19}$/.test(header('Choria-Created') ?? ''),
    },
  );
}

/** Anything else has to be a message of the protocol on a proper subject. */
function judgeOther(name: string, message: Message): CaseResult {
  try {
    openTransport(Buffer.from(message.payload, 'utf8'));
    return judgeEqual(name, true, isPublishSubject(message.subject));
  } catch (error) {
    if (error instanceof ProtocolError)
      return {name, passed: false, expected: 'an event, a submission or a transport', got: error.message};
    throw error;
  }
}

const judge: Judge = async ({data}) => {
  const groups = Object.entries(data as Readonly<Record<string, unknown>>).filter(([, list]) => Array.isArray(list));
  return groups.flatMap(([version, list]) =>
    (list as readonly Message[]).map((message, index): CaseResult => {
      const name = `${version} ${index} ${message.subject}`;
      if (message.subject.includes('.submission.in.')) return judgeSubmission(name, message);
      return /^choria\.(lifecycle|machine)\./.test(message.subject)
        ? judgeEvent(name, message)
        : judgeOther(name, message);
    }),
  );
};

export default judge;
