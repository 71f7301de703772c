import {clientJudge} from './_client.ts';

export default clientJudge();
