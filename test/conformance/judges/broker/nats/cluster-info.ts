/**
 * The INFO lines of the members of a cluster, for comparison: the client reads from each, also from those that come in the midst of a connection, who the
 * server is and which others there are.
 */
import {ClientParser, type ClientHandler} from '../../../../../src/natswire/index.ts';
import {type BrokerInfo, parseInfo} from '../../../../../src/connect/info.ts';
import {type CaseResult, judgeEqual, type JudgeInput} from '../../../judge.ts';

type Fields = Readonly<Record<string, unknown>>;

export default function judge(input: JudgeInput): Promise<readonly CaseResult[]> {
  const results = Object.entries(input.data as Fields).flatMap(([name, value]): readonly CaseResult[] => {
    if (typeof value === 'string' && value.startsWith('INFO ')) return [judgeLines(name, value)];
    if (typeof value !== 'object' || value === null || !('server_id' in value)) return [];
    return [judgeLines(name, `INFO ${JSON.stringify(value)} \r\n`)];
  });
  return Promise.resolve(results);
}

/** The wire's own fields against those of the client's model; every INFO of the text. */
function judgeLines(name: string, text: string): CaseResult {
  const found: BrokerInfo[] = [];
  const handler: ClientHandler = {
    onMessage: () => {},
    onInfo: (json) => void found.push(parseInfo(json, name)),
    onPing: () => {},
    onPong: () => {},
    onOk: () => {},
    onError: () => {},
  };
  new ClientParser(handler, {infoLineBytesMax: 1_048_576, payloadBytesMax: 1_048_576}).push(Buffer.from(text));
  const wanted = text
    .split('\r\n')
    .filter((line) => line.startsWith('INFO '))
    .map((line) => JSON.parse(line.slice(5)) as Fields)
    .map((fields) => ({
      id: fields['server_id'],
      name: fields['server_name'],
      version: fields['version'],
      payload: fields['max_payload'],
      urls: fields['connect_urls'] ?? [],
    }));
  return judgeEqual(
    name,
    wanted,
    found.map((info) => ({
      id: info.serverId,
      name: info.serverName,
      version: info.version,
      payload: info.maxPayloadBytes,
      urls: info.connectUrls,
    })),
  );
}
