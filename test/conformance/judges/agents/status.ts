/** Status files, written again from what they say. */
import {encodeStatus} from '../../../../src/server/status-file.ts';
import {judgeEqual, type Judge} from '../../judge.ts';
import {fields, text} from './_cases.ts';
import {statusFromWire} from './_status.ts';

const judge: Judge = async ({data}) => {
  if (!Array.isArray(data)) throw new Error('expected a list of status files');
  return data.map((item: unknown, index) => {
    const wanted = text(item).trimEnd();
    return judgeEqual(`#${index + 1}`, wanted, encodeStatus(statusFromWire(fields(JSON.parse(wanted)))));
  });
};

export default judge;
