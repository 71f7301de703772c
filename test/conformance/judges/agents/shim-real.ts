/** What installed shims answer: each answer must be understood, and each request have the shape that ours have. */
import {parseShimReply, shimRequest} from '../../../../src/agents/index.ts';
import {errorMessage} from '../../../../src/lib/errors.ts';
import {judgeEqual, type Judge} from '../../judge.ts';
import {caseList, caseName, fields, isFields, text, type Fields} from './_cases.ts';

function parsedStdin(stdin: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(stdin);
    return isFields(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function understood(stdout: string): unknown {
  try {
    const {statusCode, statusMessage, data} = parseShimReply(Buffer.from(stdout, 'utf8'), {agent: 'rb1', action: 'x'});
    return {statuscode: statusCode, statusmsg: statusMessage, data};
  } catch (error) {
    return errorMessage(error);
  }
}

const judge: Judge = async ({data}) =>
  caseList(data).flatMap((item, index) => {
    const name = caseName(item, index);
    const stdout = text(item['stdout']);
    const meant = {null: {statuscode: 0, statusmsg: 'OK', data: {}}};
    const wanted =
      stdout.trim() === ''
        ? 'Cannot decode output from Shim for Ruby action rb1#x: EOF'
        : stdout.trim() === 'null'
          ? meant.null
          : JSON.parse(stdout);
    const results = [judgeEqual(`${name} reply`, wanted, understood(stdout))];
    const stdin = parsedStdin(text(item['stdin']));
    if (!stdin) return results;
    const body = fields(stdin['body']);
    const ours = shimRequest({
      agent: text(stdin['agent']),
      action: text(stdin['action']),
      data: fields(body['data']),
      requestId: text(stdin['requestid']),
      senderId: text(stdin['senderid']),
      callerId: text(stdin['callerid']),
      collective: text(stdin['collective']),
      ttlSeconds: Number(stdin['ttl']),
      sentAtMs: Number(stdin['msgtime']) * 1000,
    });
    return [...results, judgeEqual(`${name} request`, stdin, ours)];
  });

export default judge;
