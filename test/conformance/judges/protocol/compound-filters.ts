/** Verdicts of compound filters on nodes with data plugins. */
import type {Judge} from '../../judge.ts';
import {type FilterVector, judgeFilters} from './_filters.ts';

const judge: Judge = async ({data}) => judgeFilters(data as FilterVector);

export default judge;
