"""The third step: changes into parts, parts into requests or writes, answers into verdicts, recorded one by one.

part           a range of changes on its way, and the transitions by which it changes
parts          what is sent of an operation, with what earlier runs left of its records
chunk          changes cut into the ranges of requests
deliver        the loop that performs what `decide` decides
work_list      the parts that wait for their turn
split          how a chunk is taken apart
targets        the two kinds of target: HTTP requests, writes to an ERP
events         what delivery tells, to whoever records it
record_events  events into the journal: marks and claims before a request leaves, receipts after it
refuse         a refused record kept in the journal
"""
