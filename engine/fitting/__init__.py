"""The bare curve engine: points of competing strategies -> what each reaches further on, and how sure that is."""
