import {encodeLifecycleEvent, lifecycleSubject, parseLifecycleEvent} from '../../../../src/events/index.ts';
import {type Judge, judgeEqual} from '../../judge.ts';

interface LifecycleCase {
  readonly subject: string;
  readonly format: string;
  readonly data: string;
}

/** Every captured event must be understood, come out byte for byte the same, and belong on the subject it was seen on. */
const judge: Judge = (input) =>
  Promise.resolve(
    (input.data as readonly LifecycleCase[]).map((item, index) => {
      const {event, format} = parseLifecycleEvent(Buffer.from(item.data));
      const got = {
        subject: lifecycleSubject(event),
        format,
        data: encodeLifecycleEvent(event, format).toString(),
      };
      return judgeEqual(`${index} ${item.subject}`, {subject: item.subject, format: item.format, data: item.data}, got);
    }),
  );

export default judge;
