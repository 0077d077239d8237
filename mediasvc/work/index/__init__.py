"""The patient index and its feeds: lists, HL7 messages, orders, worklists."""
