/**
 * Reads the body of an RPC reply. A node may send anything: what is missing or of another type gets the default that the
 * reference's clients show, and an unreadable body becomes status 5 with a message, so that the node still counts as answered.
 */
export interface ReplyBody {
  readonly action: string;
  readonly statusCode: number;
  readonly statusMessage: string;
  readonly data: unknown;
}

export const unreadableStatus = 5;

export function parseReplyBody(body: Buffer, action: string): ReplyBody {
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch {
    // The parser's own words would quote the node's text; the fact is enough.
    return unreadable(action, 'The body of the reply is not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return unreadable(action, 'The body of the reply is not a JSON object');
  }
  const record = value as Readonly<Record<string, unknown>>;
  const {statuscode, statusmsg, data} = record;
  if (statuscode !== undefined && !isStatusCode(statuscode)) {
    return unreadable(action, 'The status code of the reply is not a number from 0 to 255');
  }
  return {
    action: typeof record['action'] === 'string' && record['action'] !== '' ? record['action'] : action,
    statusCode: statuscode ?? 0,
    statusMessage: typeof statusmsg === 'string' ? statusmsg : '',
    data: data === undefined ? {} : data,
  };
}

function isStatusCode(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 255;
}

function unreadable(action: string, statusMessage: string): ReplyBody {
  return {action, statusCode: unreadableStatus, statusMessage, data: {}};
}
