"""The third step: changes into parts, parts into requests or writes, answers into verdicts, recorded one by one.

part           a range of changes on its way, and the transitions by which it changes
parts          what is sent of an operation, with what earlier runs left of its records
chunk          changes cut into the ranges of requests
deliver        the loop that performs what `decide` decides
work_list      the parts that wait for their turn
outcome        what a decision comes to for the part that it is about
verdicts       what becomes of a part, told as `Done`
family         the parts of one chunk: what is sent next where one of them is refused
split          how a part is taken apart
targets        the two kinds of target: HTTP requests, writes to an ERP
events         what delivery tells, to whoever records it
notes          what is noted of an event, as small values: mark, claims, receipt, binding, rejection, count
note_events    which notes an event comes to, and in which order
record_events  the loop that writes them: marks and claims before a request leaves, receipts after it
refuse         a refused record kept in the journal
"""
