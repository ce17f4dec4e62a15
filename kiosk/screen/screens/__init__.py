"""One module a screen: each composes a picture from a view. They only draw; what happens is the visit's business."""
